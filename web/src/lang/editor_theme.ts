// The editor in the tokens of theme.css, which reach into its shadow root.

import { EditorView } from '@codemirror/view';

export const editorTheme = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'transparent', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px' },
  '.cm-content': { padding: '7px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 10px' },
  '.cm-placeholder': { color: 'var(--text-quiet)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)' },
  '.cm-underline': { textDecoration: 'underline wavy var(--bad)', textUnderlineOffset: '3px' },
  '.cm-tooltip': {
    border: 'none', borderRadius: 'var(--radius-small)', backgroundColor: 'var(--raised)',
    boxShadow: 'var(--shadow)', zIndex: '25',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {
    fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '260px',
    borderRadius: 'var(--radius-small)', maxWidth: 'min(560px, 90vw)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 10px', lineHeight: '20px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent-soft)', color: 'var(--text)',
  },
  '.cm-completionMatchedText': {
    textDecoration: 'none', color: 'var(--accent)', fontWeight: '600',
  },
  '.cm-completionDetail': {
    color: 'var(--text-quiet)', fontStyle: 'normal', marginLeft: '10px',
  },
  '.cm-tooltip.cm-completionInfo': {
    padding: '7px 10px', fontFamily: 'var(--font)', fontSize: '12px', maxWidth: '320px',
    overflowWrap: 'anywhere',
  },
  '.completion-head': { fontFamily: 'var(--mono)', color: 'var(--text-quiet)' },
});
