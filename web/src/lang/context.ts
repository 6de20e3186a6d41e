// What can be typed at a place in an expression. Expressions are unfinished while they are typed,
// so this reads tokens up to the cursor and asks for no valid syntax.

import { AGGREGATIONS, FUNCTIONS, KEYWORDS } from './functions';

export type Context =
  | { kind: 'operand'; from: number }
  | { kind: 'operator'; from: number }
  | { kind: 'label_name'; from: number; metric: string | null }
  | { kind: 'match_operator'; from: number }
  | { kind: 'label_value'; from: number; label: string; quoted: boolean; metric: string | null }
  | { kind: 'grouping_label'; from: number; metric: string | null }
  | { kind: 'duration'; from: number }
  | { kind: 'nothing' };

interface Token {
  type: 'word' | 'string' | 'number' | 'comment' | 'punctuation';
  text: string;
  from: number;
  to: number;
  closed: boolean;
}

const TOKEN = new RegExp([
  '(?<comment>#[^\\n]*)',
  '(?<string>"(?:[^"\\\\]|\\\\.)*(?:"|\\\\?$)|\'(?:[^\'\\\\]|\\\\.)*(?:\'|\\\\?$)|`[^`]*(?:`|$))',
  '(?<word>[A-Za-z_:][A-Za-z0-9_:]*)',
  '(?<number>[0-9.][A-Za-z0-9_.]*)',
  '(?<punctuation>=~|!~|!=|==|<=|>=|[^\\s])',
].join('|'), 'gs');

const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const OPERATOR_WORDS = new Set(['and', 'or', 'unless', 'atan2', 'bool', 'offset', ...GROUPING]);
const RESERVED = new Set([...FUNCTIONS, ...AGGREGATIONS, ...KEYWORDS].map((word) => word.name));

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [type, found] = Object.entries(match.groups!).find(([, part]) => part !== undefined)!;
    const closed = type !== 'string' || (found!.length > 1 && found!.endsWith(found![0]!));
    tokens.push({
      type: type as Token['type'], text: found!, from: match.index!,
      to: match.index! + found!.length, closed,
    });
  }
  return tokens;
}

/** Index of the innermost bracket still open after the tokens, or -1. */
function openBracket(tokens: readonly Token[]): number {
  const open: number[] = [];
  tokens.forEach((token, i) => {
    if (token.type !== 'punctuation') return;
    if ('({['.includes(token.text)) open.push(i);
    else if (')}]'.includes(token.text)) open.pop();
  });
  return open[open.length - 1] ?? -1;
}

function metricBefore(tokens: readonly Token[], brace: number): string | null {
  const before = tokens[brace - 1];
  return before?.type === 'word' && !OPERATOR_WORDS.has(before.text) ? before.text : null;
}

/** The metric name nearest to the place: the labels worth grouping by are its labels. */
function nearestMetric(text: string, place: number): string | null {
  const tokens = tokenize(text);
  let nearest: Token | null = null;
  tokens.forEach((token, i) => {
    const inside = openBracket(tokens.slice(0, i));
    const bracket = inside < 0 ? '' : tokens[inside]!.text;
    const grouped = bracket === '(' && GROUPING.has(tokens[inside - 1]?.text ?? '');
    const isName = token.type === 'word' && !RESERVED.has(token.text)
      && bracket !== '{' && bracket !== '[' && !grouped;
    if (!isName) return;
    const distance = (one: Token): number => Math.abs(one.from - place);
    if (nearest === null || distance(token) < distance(nearest)) nearest = token;
  });
  return (nearest as Token | null)?.text ?? null;
}

function inBraces(tokens: readonly Token[], brace: number, typed: Token | null,
                  end: number): Context {
  const metric = metricBefore(tokens, brace);
  const last = tokens[tokens.length - 1]!;
  const beforeLast = tokens[tokens.length - 2];
  const from = typed?.from ?? end;
  if (last.text === '{' || last.text === ',') return { kind: 'label_name', from, metric };
  const afterOperator = ['=', '!=', '=~', '!~'].includes(last.text);
  if (afterOperator && typed === null && beforeLast !== undefined) {
    const label = beforeLast.text.replace(/^"|"$/g, '');
    return { kind: 'label_value', from: end, label, quoted: false, metric };
  }
  if (last.type === 'word' && typed === null) return { kind: 'match_operator', from: end };
  return { kind: 'nothing' };
}

function inString(tokens: readonly Token[], string: Token): Context {
  const before = tokens.slice(0, -1);
  const brace = openBracket(before);
  const operator = before[before.length - 1];
  const label = before[before.length - 2];
  const isValue = brace >= 0 && before[brace]!.text === '{' && label !== undefined
    && ['=', '!=', '=~', '!~'].includes(operator?.text ?? '');
  if (!isValue) return { kind: 'nothing' };
  return {
    kind: 'label_value', from: string.from + 1, label: label.text.replace(/^"|"$/g, ''),
    quoted: true, metric: metricBefore(before, brace),
  };
}

/** `sum by (job)` and `a / on (job)` still want an operand, `sum(a) by (job)` does not. */
function endsLeadingGrouping(tokens: readonly Token[]): boolean {
  const opener = openBracket(tokens.slice(0, -1));
  const modifier = tokens[opener - 1]?.text ?? '';
  if (!GROUPING.has(modifier)) return false;
  const aggregates = modifier === 'by' || modifier === 'without';
  return !aggregates || tokens[opener - 2]?.text !== ')';
}

/** True if an operand has just ended, so that only an operator or modifier can follow. */
function endsOperand(tokens: readonly Token[]): boolean {
  const last = tokens[tokens.length - 1];
  if (last === undefined) return false;
  if (last.type === 'word') return !OPERATOR_WORDS.has(last.text);
  if (last.text === ')') return !endsLeadingGrouping(tokens);
  return last.type === 'number' || last.type === 'string' || ['}', ']'].includes(last.text);
}

export function contextAt(text: string, place: number): Context {
  const all = tokenize(text.slice(0, place));
  const end = all[all.length - 1];
  if (end?.type === 'comment') return { kind: 'nothing' };
  if (end?.type === 'string' && !end.closed) return inString(all, end);
  const typed = end !== undefined && end.to === place
    && (end.type === 'word' || end.type === 'number') ? end : null;
  const tokens = typed === null ? all : all.slice(0, -1);
  const from = typed?.from ?? place;
  const bracket = openBracket(tokens);
  const opener = tokens[bracket]?.text;
  if (opener === '{') return inBraces(tokens, bracket, typed, place);
  if (opener === '[') return { kind: 'duration', from };
  if (opener === '(' && GROUPING.has(tokens[bracket - 1]?.text ?? '')) {
    return { kind: 'grouping_label', from, metric: nearestMetric(text, place) };
  }
  const last = tokens[tokens.length - 1];
  if (last?.text === 'offset') return { kind: 'duration', from };
  if (typed?.type === 'number') return { kind: 'nothing' };
  return { kind: endsOperand(tokens) ? 'operator' : 'operand', from };
}
