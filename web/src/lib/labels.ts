// Label sets and how a series is written.

export type Labels = Readonly<Record<string, string>>;

const PLAIN_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A string as PromQL reads it back. */
export function quote(value: string): string {
  const escaped = value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `"${escaped}"`;
}

function labelName(name: string): string {
  return PLAIN_LABEL.test(name) ? name : quote(name);
}

export function labelEntries(labels: Labels): [string, string][] {
  return Object.entries(labels)
    .filter(([name]) => name !== '__name__')
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The series as a selector: `up{instance="a"}`; names that need it are quoted. */
export function formatSeries(labels: Labels): string {
  const name = labels['__name__'] ?? '';
  const pairs = labelEntries(labels).map(([key, value]) => `${labelName(key)}=${quote(value)}`);
  if (name !== '' && !PLAIN_NAME.test(name)) return `{${[quote(name), ...pairs].join(', ')}}`;
  if (pairs.length === 0) return name === '' ? '{}' : name;
  return `${name}{${pairs.join(', ')}}`;
}

/** Equality matchers for a selector's braces: `instance="a",job="b"`. */
export function formatMatchers(labels: Labels): string {
  return labelEntries(labels).map(([key, value]) => `${labelName(key)}=${quote(value)}`).join(',');
}

/** The sets without the labels that all of them share; one set alone keeps its labels. */
export function withoutShared(sets: readonly Labels[]): Labels[] {
  const [first, ...others] = sets;
  if (first === undefined || others.length === 0) return [...sets];
  const shared = new Set(Object.keys(first).filter((name) =>
    name !== '__name__' && others.every((other) => other[name] === first[name])));
  return sets.map((set) =>
    Object.fromEntries(Object.entries(set).filter(([name]) => !shared.has(name))));
}
