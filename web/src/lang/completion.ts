// Completion of PromQL from what the server knows.

import {
  type Completion, type CompletionContext, type CompletionResult, insertCompletionText,
  startCompletion,
} from '@codemirror/autocomplete';
import type { EditorView } from '@codemirror/view';
import { contextAt, type Context } from './context';
import {
  AGGREGATIONS, DURATIONS, FUNCTIONS, KEYWORDS, MATCH_OPERATORS, type Word,
} from './functions';

export interface Known {
  metricNames: () => Promise<readonly string[]>;
  /** Type and help of a metric, as far as known. */
  describe: (metric: string) => { type: string; help: string } | null;
  labelNames: (metric: string | null) => Promise<readonly string[]>;
  labelValues: (label: string, metric: string | null) => Promise<readonly string[]>;
}

/** Beyond this a list is searched by typing on, not by reading. */
const MAX_OPTIONS = 2000;
const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const PLAIN_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

function infoBox(title: string, text: string): HTMLElement {
  const box = document.createElement('div');
  const head = document.createElement('div');
  head.className = 'completion-head';
  head.textContent = title;
  const body = document.createElement('div');
  body.textContent = text;
  box.append(head, body);
  return box;
}

/** Puts the call's parentheses and leaves the cursor between them. */
function insertCall(view: EditorView, completion: Completion, from: number, to: number): void {
  const called = view.state.sliceDoc(to, to + 1) === '(';
  const text = called ? completion.label : `${completion.label}()`;
  view.dispatch({
    ...insertCompletionText(view.state, text, from, to),
    selection: { anchor: from + completion.label.length + 1 },
  });
  startCompletion(view);
}

function callOption(word: Word, type: string): Completion {
  return {
    label: word.name, type, detail: word.signature.slice(word.name.length),
    info: () => infoBox(word.signature, word.doc), apply: insertCall,
  };
}

const CALLS: readonly Completion[] = [
  ...AGGREGATIONS.map((word) => callOption(word, 'aggregation')),
  ...FUNCTIONS.map((word) => callOption(word, 'function')),
];

const OPERATORS: readonly Completion[] = KEYWORDS.map((word) => ({
  label: word.name, type: 'keyword', info: () => infoBox(word.name, word.doc),
}));

function metricOption(name: string, known: Known): Completion {
  const option: Completion = {
    label: name, type: 'metric', boost: 1,
    info: () => {
      const about = known.describe(name);
      return about === null ? null : infoBox(about.type, about.help);
    },
  };
  const { type } = known.describe(name) ?? { type: '' };
  if (type !== '') option.detail = type;
  if (!PLAIN_METRIC.test(name)) option.apply = `{${JSON.stringify(name)}}`;
  return option;
}

function quotedOption(value: string, quoted: boolean): Completion {
  const escaped = JSON.stringify(value);
  return { label: value, type: 'value', apply: quoted ? escaped.slice(1, -1) : escaped };
}

function labelOption(name: string): Completion {
  return PLAIN_LABEL.test(name) ? { label: name, type: 'label' }
    : { label: name, type: 'label', apply: JSON.stringify(name) };
}

async function optionsFor(context: Context, known: Known): Promise<readonly Completion[]> {
  switch (context.kind) {
    case 'operand': {
      const names = await known.metricNames();
      return [...names.slice(0, MAX_OPTIONS).map((name) => metricOption(name, known)), ...CALLS];
    }
    case 'operator': return OPERATORS;
    case 'label_name':
    case 'grouping_label': {
      const names = await known.labelNames(context.metric);
      return names.filter((name) => name !== '__name__').map(labelOption);
    }
    case 'match_operator': return MATCH_OPERATORS.map((label) => ({ label, type: 'keyword' }));
    case 'label_value': {
      const values = await known.labelValues(context.label, context.metric);
      return values.slice(0, MAX_OPTIONS).map((value) => quotedOption(value, context.quoted));
    }
    case 'duration': return DURATIONS.map((label) => ({ label, type: 'duration' }));
    case 'nothing': return [];
  }
}

/** Until something is typed only places that ask for one kind of thing open a list. */
function opensAlone(context: Context): boolean {
  return ['label_name', 'label_value', 'grouping_label', 'duration'].includes(context.kind);
}

export function completePromql(known: Known) {
  return async (at: CompletionContext): Promise<CompletionResult | null> => {
    const context = contextAt(at.state.doc.toString(), at.pos);
    if (context.kind === 'nothing') return null;
    const typed = at.pos > context.from;
    if (!at.explicit && !typed && !opensAlone(context)) return null;
    const options = await optionsFor(context, known);
    if (options.length === 0 || at.aborted) return null;
    const validFor = context.kind === 'label_value' ? /^[^"'`]*$/ : /^[\w:]*$/;
    return { from: context.from, options: [...options], validFor };
  };
}
