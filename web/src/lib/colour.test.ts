import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { contrastRatio } from './colour';

type Tokens = Map<string, string>;

function tokensOf(css: string): { light: Tokens; dark: Tokens } {
  const light: Tokens = new Map();
  const dark: Tokens = new Map();
  for (const [, selector, body] of css.matchAll(/(:root[^{]*)\{([^}]*)\}/g)) {
    for (const [, name, value] of body!.matchAll(/(--[\w-]+):\s*([^;]+);/g)) {
      if (!selector!.includes('dark')) light.set(name!, value!);
      dark.set(name!, value!);
    }
  }
  return { light, dark };
}

function colourOf(tokens: Tokens, name: string): string {
  const value = tokens.get(name)!;
  const other = /^var\((--[\w-]+)\)$/.exec(value)?.[1];
  return other === undefined ? value : colourOf(tokens, other);
}

const TEXT_PAIRS: [string, string][] = [
  ...['--text', '--text-quiet', '--accent', '--good', '--warn', '--bad'].flatMap((text) =>
    ['--page', '--surface', '--raised', '--sunken'].map((on) => [text, on] as [string, string])),
  ['--text-quiet', '--hover'], ['--on-accent', '--accent'], ['--accent', '--accent-soft'],
  ['--warn', '--warn-soft'], ['--bad', '--bad-soft'],
  ...['name', 'function', 'keyword', 'label', 'string', 'number'].map((part) =>
    [`--code-${part}`, '--surface'] as [string, string]),
];

test('texts have a contrast of 4.5, lines of 3 (WCAG 2.2 AA)', () => {
  const themes = tokensOf(readFileSync('src/app/theme.css', 'utf8'));
  for (const [theme, tokens] of Object.entries(themes)) {
    const check = (front: string, back: string, least: number): void => {
      const ratio = contrastRatio(colourOf(tokens, front), colourOf(tokens, back));
      assert.ok(ratio >= least, `${theme}: ${front} on ${back} is ${ratio.toFixed(2)}`);
    };
    for (const [front, back] of TEXT_PAIRS) check(front, back, 4.5);
    for (let i = 1; i <= 12; i++) check(`--series-${i}`, '--surface', 3);
    check('--line-strong', '--surface', 3);
  }
});

test('contrast is that of WCAG', () => {
  assert.equal(contrastRatio('#ffffff', '#000000'), 21);
});
