// Positions inside error and annotation texts: `1:7: parse error: …`, `… (1:7)`.

export interface TextPosition {
  /** UTF-16 offset into the expression. */
  offset: number;
  /** The text without the position. */
  message: string;
}

/** The server counts bytes of UTF-8 in a line, an editor counts UTF-16 units in the whole text. */
function offsetOf(expression: string, line: number, column: number): number | null {
  const lines = expression.split('\n');
  const text = lines[line - 1];
  if (text === undefined || column < 1) return null;
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  let bytes = 0;
  let units = 0;
  for (const character of text) {
    if (bytes >= column - 1) break;
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    units += character.length;
  }
  return before + units;
}

export function errorPosition(expression: string, error: string): TextPosition | null {
  const match = /(\d+):(\d+): parse error: ([\s\S]*)$/.exec(error);
  if (match === null) return null;
  const offset = offsetOf(expression, Number(match[1]), Number(match[2]));
  return offset === null ? null : { offset, message: match[3]! };
}

/** Start and end of what to underline: the word at the offset, or the character before the end. */
export function underlineAt(expression: string, offset: number): { from: number; to: number } {
  const from = Math.max(0, Math.min(offset, expression.length - 1));
  const word = /^(?:[\p{L}\p{N}_:.]+|[\s\S])/u.exec(expression.slice(from));
  return { from, to: Math.min(expression.length, from + (word?.[0].length ?? 1)) };
}
