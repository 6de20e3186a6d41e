// Builds dist/ (hashed names, gzip copies), or with --tests the unit tests into .test/.

import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import {
  mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { checkSizes } from './check_size.mjs';

const root = dirname(fileURLToPath(import.meta.url));
const finished = join(root, 'dist');
// Beside it, so that whoever reads dist/ meanwhile never sees half a build.
const dist = join(root, `dist.${process.pid}`);
const assets = join(dist, 'assets');

const target = ['es2020', 'chrome105', 'firefox121', 'safari16.2'];

function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

async function buildTests() {
  const outdir = join(root, '.test');
  rmSync(outdir, { recursive: true, force: true });
  await build({
    absWorkingDir: root, entryPoints: testFiles(join(root, 'src')), outdir, bundle: true,
    platform: 'node', target: 'node18', format: 'esm', outExtension: { '.js': '.mjs' },
    external: ['node:*'], loader: { '.css': 'text' }, logLevel: 'warning',
  });
}

async function bundle() {
  const shared = {
    absWorkingDir: root, outdir: assets, bundle: true, minify: true, target,
    entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', assetNames: '[name]-[hash]',
    metafile: true, legalComments: 'none', logLevel: 'warning',
  };
  const scripts = await build({
    ...shared, entryPoints: { main: 'src/app/main.tsx' }, format: 'esm', splitting: true,
    jsx: 'automatic', jsxImportSource: 'preact',
  });
  const others = await build({
    ...shared, entryPoints: { app: 'src/app/app.css', boot: 'static/boot.js' },
  });
  return { scripts: scripts.metafile, outputs: { ...scripts.metafile.outputs,
                                                 ...others.metafile.outputs } };
}

function hashedCopy(path) {
  const bytes = readFileSync(path);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8).toUpperCase();
  const name = `${basename(path, extname(path))}-${hash}${extname(path)}`;
  writeFileSync(join(assets, name), bytes);
  return `assets/${name}`;
}

function writePage(outputs) {
  const names = { 'favicon.svg': hashedCopy(join(root, 'static/favicon.svg')) };
  for (const [path, output] of Object.entries(outputs)) {
    if (output.entryPoint === undefined) continue;
    names[basename(output.entryPoint).replace('.tsx', '.js')] ??= `assets/${basename(path)}`;
  }
  const template = readFileSync(join(root, 'static/index.html'), 'utf8');
  const page = template.replace(/\{\{(.+?)\}\}/g, (_, name) => {
    if (names[name] === undefined) throw new Error(`index.html names ${name}, which is not built`);
    return names[name];
  });
  writeFileSync(join(dist, 'index.html'), page);
}

function compress(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) compress(path);
    else writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
  }
}

if (process.argv.includes('--tests')) {
  await buildTests();
} else {
  mkdirSync(assets, { recursive: true });
  try {
    const { scripts, outputs } = await bundle();
    writePage(outputs);
    compress(dist);
    if (!checkSizes(dist, scripts)) throw new Error('the build is over its budget');
    rmSync(finished, { recursive: true, force: true });
    renameSync(dist, finished);
  } finally {
    rmSync(dist, { recursive: true, force: true });
  }
}
