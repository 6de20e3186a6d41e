// The PromQL editor. It lives in a shadow root: there the editor's styles are adopted style
// sheets, which a content security policy without 'unsafe-inline' allows.

import {
  acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap,
  completionStatus,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import {
  bracketMatching, HighlightStyle, LanguageSupport, LRLanguage, syntaxHighlighting,
} from '@codemirror/language';
import { Compartment, EditorState, Prec, StateEffect, StateField } from '@codemirror/state';
import {
  Decoration, type DecorationSet, EditorView, keymap, placeholder, tooltips,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { parser } from '@prometheus-io/lezer-promql';
import { completePromql, type Known } from './completion';
import { editorTheme } from './editor_theme';

export type { Known } from './completion';

export interface Underline {
  from: number;
  to: number;
}

export interface EditorOptions {
  text: string;
  name: string;
  known: Known;
  onChange: (text: string) => void;
  onRun: () => void;
}

export interface Editor {
  setText: (text: string) => void;
  setUnderline: (underline: Underline | null) => void;
  setName: (name: string) => void;
  focus: () => void;
  destroy: () => void;
}

const promql = LRLanguage.define({
  name: 'promql', parser, languageData: { commentTokens: { line: '#' } },
});

const colours = HighlightStyle.define([
  { tag: tags.variableName, color: 'var(--code-name)' },
  { tag: [tags.function(tags.variableName), tags.standard(tags.variableName)],
    color: 'var(--code-function)' },
  { tag: [tags.keyword, tags.operatorKeyword, tags.logicOperator, tags.modifier],
    color: 'var(--code-keyword)' },
  { tag: [tags.labelName, tags.propertyName], color: 'var(--code-label)' },
  { tag: tags.string, color: 'var(--code-string)' },
  { tag: tags.number, color: 'var(--code-number)' },
  { tag: tags.comment, color: 'var(--text-quiet)', fontStyle: 'italic' },
]);

const setUnderline = StateEffect.define<Underline | null>();
const mark = Decoration.mark({ class: 'cm-underline' });

const underlines = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, transaction) {
    let next = transaction.docChanged ? Decoration.none : shown;
    for (const effect of transaction.effects) {
      if (!effect.is(setUnderline)) continue;
      const at = effect.value;
      next = at === null || at.from >= at.to ? Decoration.none
        : Decoration.set([mark.range(at.from, at.to)]);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function keys(onRun: () => void) {
  const run = (): boolean => {
    onRun();
    return true;
  };
  return [
    Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
    keymap.of([
      // While a list is open Tab never leaves the editor, not even before the list takes keys.
      { key: 'Tab', run: (view) => acceptCompletion(view)
        || completionStatus(view.state) === 'active' },
      ...closeBracketsKeymap, ...completionKeymap,
      { key: 'Enter', run },
      { key: 'Shift-Enter', run: (view) => {
        view.dispatch(view.state.replaceSelection('\n'), { scrollIntoView: true });
        return true;
      } },
      ...defaultKeymap, ...historyKeymap,
    ]),
  ];
}

export function mountEditor(host: HTMLElement, options: EditorOptions): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const naming = new Compartment();
  const named = (name: string) => EditorView.contentAttributes.of({
    'aria-label': name, spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off',
  });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        editorTheme, new LanguageSupport(promql), syntaxHighlighting(colours), underlines,
        history(), bracketMatching(), closeBrackets(), EditorView.lineWrapping,
        naming.of(named(options.name)),
        placeholder('An expression, such as rate(node_network_receive_bytes_total[5m])'),
        tooltips({ position: 'absolute' }),
        autocompletion({
          override: [completePromql(options.known)], icons: false, activateOnTypingDelay: 60,
        }),
        keys(options.onRun),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  // Focus sent to the host by a shortcut belongs to the text in its shadow root.
  host.focus = () => view.focus();
  return {
    setText(text) {
      if (text === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    setUnderline(at) {
      const size = view.state.doc.length;
      const fits = at !== null && at.to <= size;
      view.dispatch({ effects: setUnderline.of(fits ? at : null) });
    },
    setName: (name) => view.dispatch({ effects: naming.reconfigure(named(name)) }),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
