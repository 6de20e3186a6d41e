// One query: its expression, its controls, its answer.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useLoad } from '../api/use_load';
import { Icon } from '../components/icon';
import { MomentPicker } from '../components/moment_picker';
import { Notice } from '../components/notice';
import { RangePicker, shiftedRange } from '../components/range_picker';
import { Segmented } from '../components/segmented';
import { errorPosition, underlineAt } from '../lib/promql_position';
import type { QueryState, ResultTab } from '../lib/query_url';
import { formatDuration, formatLength, parseDuration, type TimeRange } from '../lib/time';
import { EditorField, type OutsideText } from './editor_field';
import type { KnownNames } from './known_names';
import { graphGrid, runQuery, type QueryResult } from './query_result';
import { ResultGraph } from './result_graph';
import { ResultTable } from './result_table';

interface QueryPanelProps {
  number: number;
  state: QueryState;
  known: KnownNames;
  onChange: (state: QueryState) => void;
  /** Null when it is the only one. */
  onRemove: (() => void) | null;
}

const MIN_ZOOM_SECONDS = 5;
const TABS: { value: ResultTab; label: string }[] = [
  { value: 'table', label: 'Table' }, { value: 'graph', label: 'Graph' },
];

const rangeOf = (state: QueryState): TimeRange => state.end === null
  ? { kind: 'relative', seconds: state.rangeSeconds }
  : { kind: 'absolute', start: state.end - state.rangeSeconds, end: state.end };

const withRange = (state: QueryState, range: TimeRange): QueryState =>
  range.kind === 'relative' ? { ...state, rangeSeconds: range.seconds, end: null }
    : { ...state, rangeSeconds: range.end - range.start, end: range.end };

function StepField({ state, onChange }: {
  state: QueryState; onChange: (seconds: number | null) => void;
}) {
  const [text, setText] = useState(
    state.stepSeconds === null ? '' : formatDuration(state.stepSeconds));
  const seconds = parseDuration(text);
  const wrong = text !== '' && (seconds === null || seconds <= 0);
  return (
    <label class="step">
      Step
      <input class={`input${wrong ? ' is-wrong' : ''}`} value={text} aria-invalid={wrong}
             placeholder={formatDuration(graphGrid({ ...state, stepSeconds: null }, 0).step)}
             onInput={(event) => setText(event.currentTarget.value)}
             onChange={() => { if (!wrong) onChange(text === '' ? null : seconds); }} />
    </label>
  );
}

function summary(result: QueryResult): string {
  const took = formatLength(Math.round(result.tookMs) / 1000);
  if (result.tab === 'graph') {
    return `${result.seriesCount.toLocaleString('en')} series · ${took}`
      + ` · step ${formatDuration(result.grid.step)}`;
  }
  const { data } = result;
  const series = data.resultType === 'vector' || data.resultType === 'matrix'
    ? `${data.result.length.toLocaleString('en')} series` : data.resultType;
  return `${series} · ${took}`;
}

function QueryError({ expr, error }: { expr: string; error: Error }) {
  const at = errorPosition(expr, error.message);
  if (at === null) return <Notice kind="error">{error.message}</Notice>;
  const word = underlineAt(expr, at.offset);
  return (
    <Notice kind="error">
      {at.message}
      <span class="error-place">
        {at.offset < expr.length
          ? <> at <code>{expr.slice(word.from, word.to)}</code></> : ' at the end'}
        , character {at.offset + 1}
      </span>
    </Notice>
  );
}

interface ControlsProps {
  number: number;
  state: QueryState;
  asTable: boolean;
  onAsTable: (asTable: boolean) => void;
  /** Runs the query as it is now. */
  onRun: (state: QueryState) => void;
  /** Only draws differently. */
  onDraw: (state: QueryState) => void;
}

function GraphControls({ state, asTable, onAsTable, onRun, onDraw }: ControlsProps) {
  return (
    <>
      <RangePicker range={rangeOf(state)} onChange={(range) => onRun(withRange(state, range))} />
      <StepField key={String(state.stepSeconds)} state={state}
                 onChange={(stepSeconds) => onRun({ ...state, stepSeconds })} />
      <button type="button" class="button" aria-pressed={state.stacked}
              onClick={() => onDraw({ ...state, stacked: !state.stacked })}>
        <Icon name="stack" />Stacked
      </button>
      <button type="button" class="button is-icon" aria-pressed={asTable}
              aria-label="Data table" title="Data table"
              onClick={() => onAsTable(!asTable)}><Icon name="table" /></button>
    </>
  );
}

function Controls(props: ControlsProps) {
  const { number, state, onRun } = props;
  return (
    <>
      <Segmented name={`View of query ${number}`} value={state.tab} choices={TABS}
                 onChange={(tab) => onRun({ ...state, tab })} />
      {state.tab === 'table'
        ? <MomentPicker moment={state.end} onChange={(end) => onRun({ ...state, end })} />
        : <GraphControls {...props} />}
    </>
  );
}

function Answer({ state, result, asTable, onRun }: {
  state: QueryState; result: QueryResult; asTable: boolean; onRun: (state: QueryState) => void;
}) {
  if (result.tab === 'table') return <ResultTable data={result.data} />;
  const zoom = (from: number, to: number): void => {
    const start = Math.floor(from);
    const end = Math.max(Math.ceil(to), start + MIN_ZOOM_SECONDS);
    onRun(withRange(state, { kind: 'absolute', start, end }));
  };
  const zoomOut = (): void => onRun(withRange(state, shiftedRange(rangeOf(state), 0, 2)));
  return (
    <ResultGraph result={result} expr={state.expr} stacked={state.stacked} asTable={asTable}
                 onZoom={zoom} onZoomOut={zoomOut} />
  );
}

const EXAMPLES = [
  'up',
  'rate(node_network_receive_bytes_total[5m])',
  '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
  'topk(10, scrape_duration_seconds)',
];

function Examples({ onChoose }: { onChoose: (expr: string) => void }) {
  return (
    <div class="examples">
      <span>Start from</span>
      {EXAMPLES.map((expr) => (
        <button type="button" key={expr} class="example" onClick={() => onChoose(expr)}>
          <code>{expr}</code>
        </button>
      ))}
    </div>
  );
}

/** What has to be asked again when it changes: all but how it is drawn. */
function questionKey(state: QueryState, runAt: number): string | null {
  const { stacked: _stacked, ...question } = state;
  return state.expr.trim() === '' ? null : JSON.stringify([question, runAt]);
}

export function QueryPanel({ number, state, known, onChange, onRemove }: QueryPanelProps) {
  const [draft, setDraft] = useState(state.expr);
  const [runAt, setRunAt] = useState(() => Date.now() / 1000);
  const [asTable, setAsTable] = useState(false);
  const [outside, setOutside] = useState<OutsideText>({ text: state.expr });
  const ran = useRef(state.expr);
  useEffect(() => {
    if (state.expr === ran.current) return;
    ran.current = state.expr;
    setDraft(state.expr);
    setOutside({ text: state.expr });
  }, [state.expr]);

  const { data, error, loading } = useLoad(questionKey(state, runAt), (signal) =>
    runQuery(state, runAt, signal));
  const result = data?.tab === state.tab ? data : null;
  const underline = useMemo(() => {
    const at = error === null ? null : errorPosition(state.expr, error.message);
    return at === null || draft !== state.expr ? null : underlineAt(state.expr, at.offset);
  }, [error, state.expr, draft]);

  function run(next: QueryState): void {
    setRunAt(Date.now() / 1000);
    onChange(next);
  }
  function runDraft(): void {
    ran.current = draft;
    run({ ...state, expr: draft });
  }

  return (
    <section class="query panel" aria-label={`Query ${number}`} aria-busy={loading}>
      <div class="query-line">
        <EditorField name={`Expression of query ${number}`} text={draft} outside={outside}
                     known={known} underline={underline} onChange={setDraft} onRun={runDraft} />
        <button type="button" class="button is-primary" title="Run (Ctrl+Enter)"
                onClick={runDraft}>Run</button>
        {onRemove !== null && (
          <button type="button" class="button is-icon is-bare" aria-label={`Remove query ${number}`}
                  onClick={onRemove}><Icon name="close" /></button>
        )}
      </div>
      <div class="query-controls">
        <Controls number={number} state={state} asTable={asTable} onAsTable={setAsTable}
                  onRun={run} onDraw={onChange} />
        <span class="spacer" />
        <span class="query-summary" role="status">
          {loading ? 'Running…' : result === null ? '' : summary(result)}
        </span>
      </div>
      <div class="query-notes">
        {error !== null && <QueryError expr={state.expr} error={error} />}
        {data?.warnings.map((text) => <Notice key={text} kind="warning">{text}</Notice>)}
        {data?.infos.map((text) => <Notice key={text} kind="info">{text}</Notice>)}
      </div>
      {state.expr === '' && draft === '' && (
        <Examples onChoose={(expr) => run({ ...state, expr })} />
      )}
      {result !== null && (
        <Answer state={state} result={result} asTable={asTable} onRun={run} />
      )}
    </section>
  );
}
