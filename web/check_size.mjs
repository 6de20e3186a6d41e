// What a first visit downloads, and the lazy editor, against their budgets.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const FIRST_LOAD_MAX = 150_000;
const EDITOR_MAX = 160_000;

const gzipSize = (path) => gzipSync(readFileSync(path), { level: 9 }).length;

/** Outputs that load with `path`: its static imports, theirs, and itself. */
function staticClosure(outputs, path, seen = new Set()) {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const one of outputs[path].imports) {
    if (one.kind === 'import-statement') staticClosure(outputs, one.path, seen);
  }
  return seen;
}

function outputOf(outputs, entryPoint) {
  const found = Object.keys(outputs).find((path) => outputs[path].entryPoint === entryPoint);
  if (found === undefined) throw new Error(`${entryPoint} is not a chunk of its own`);
  return found;
}

function report(name, bytes, max) {
  const fits = bytes <= max;
  const text = `${(bytes / 1000).toFixed(1)} kB of ${max / 1000} kB`;
  console.log(`${name}: ${text} gzip${fits ? '' : '  TOO LARGE'}`);
  return fits;
}

export function checkSizes(dist, metafile) {
  const { outputs } = metafile;
  const assets = join(dist, 'assets');
  const size = (paths) => [...paths].reduce((sum, path) =>
    sum + gzipSize(join(assets, basename(path))), 0);
  const first = staticClosure(outputs, outputOf(outputs, 'src/app/main.tsx'));
  const beside = readdirSync(assets).filter((name) => /\.(css|svg)$|^boot-.*\.js$/.test(name));
  const firstBytes = size(first) + size(beside) + gzipSize(join(dist, 'index.html'));
  const editor = [...staticClosure(outputs, outputOf(outputs, 'src/lang/editor.ts'))]
    .filter((path) => !first.has(path));
  const firstFits = report('first load', firstBytes, FIRST_LOAD_MAX);
  return report('editor', size(editor), EDITOR_MAX) && firstFits;
}
