// The time range of a page: presets, an exact span, and steps back, forward and out.

import { useState } from 'preact/hooks';
import {
  formatDateTime, formatDuration, parseDateTime, parseDuration, RANGE_PRESETS, resolveRange,
  type TimeRange,
} from '../lib/time';
import { zone } from '../settings/settings';
import { Icon } from './icon';
import { Popover } from './popover';

interface RangePickerProps {
  range: TimeRange;
  onChange: (range: TimeRange) => void;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** The same length of time moved by a share of itself, or stretched around its centre. */
export function shiftedRange(range: TimeRange, shift: number, stretch: number): TimeRange {
  const now = nowSeconds();
  const { start, end } = resolveRange(range, now);
  const centre = (start + end) / 2 + shift * (end - start);
  const half = ((end - start) * stretch) / 2;
  const reachesNow = shift >= 0 && centre + half >= now;
  if (reachesNow) return { kind: 'relative', seconds: Math.round(2 * half) };
  return {
    kind: 'absolute', start: Math.round(centre - half), end: Math.round(centre + half),
  };
}

export function rangeName(range: TimeRange): string {
  if (range.kind === 'relative') return `Last ${formatDuration(range.seconds)}`;
  const start = formatDateTime(range.start, zone.value);
  const end = formatDateTime(range.end, zone.value);
  return `${start} – ${start.slice(0, 10) === end.slice(0, 10) ? end.slice(11) : end}`;
}

function ExactRange({ range, onChange }: RangePickerProps) {
  const span = resolveRange(range, nowSeconds());
  const [from, setFrom] = useState(formatDateTime(span.start, zone.value));
  const [to, setTo] = useState(formatDateTime(span.end, zone.value));
  const [error, setError] = useState('');

  function apply(event: Event): void {
    event.preventDefault();
    const start = parseDateTime(from, zone.value);
    const end = parseDateTime(to, zone.value);
    if (start === null || end === null) setError('Write times as 2026-11-20 14:32:07');
    else if (start >= end) setError('The start must be before the end');
    else onChange({ kind: 'absolute', start, end });
  }

  return (
    <form class="range-exact" onSubmit={apply}>
      <label>From<input class="input" value={from} spellcheck={false}
        onInput={(event) => setFrom(event.currentTarget.value)} /></label>
      <label>To<input class="input" value={to} spellcheck={false}
        onInput={(event) => setTo(event.currentTarget.value)} /></label>
      <div class="field-error" role="alert">{error}</div>
      <button type="submit" class="button is-primary">Apply</button>
    </form>
  );
}

function OtherLength({ onChange }: { onChange: (range: TimeRange) => void }) {
  const [text, setText] = useState('');
  const seconds = parseDuration(text);

  function apply(event: Event): void {
    event.preventDefault();
    if (seconds !== null && seconds > 0) onChange({ kind: 'relative', seconds });
  }

  return (
    <form class="range-other" onSubmit={apply}>
      <label>Last<input class="input" value={text} placeholder="90m, 2d12h" spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)} /></label>
    </form>
  );
}

export function RangePicker({ range, onChange }: RangePickerProps) {
  return (
    <div class="button-group" role="group" aria-label="Time range">
      <button type="button" class="button is-icon" aria-label="Move back"
              onClick={() => onChange(shiftedRange(range, -0.5, 1))}><Icon name="left" /></button>
      <Popover name={`Time range: ${rangeName(range)}`}
               label={<><Icon name="clock" /><span>{rangeName(range)}</span></>}>
        {(close) => {
          const choose = (chosen: TimeRange): void => {
            onChange(chosen);
            close();
          };
          return (
            <div class="range-panel">
              <div class="range-presets">
                {RANGE_PRESETS.map((seconds) => {
                  const chosen = range.kind === 'relative' && range.seconds === seconds;
                  return (
                    <button type="button" key={seconds} aria-pressed={chosen}
                            class={`menu-item${chosen ? ' is-chosen' : ''}`}
                            onClick={() => choose({ kind: 'relative', seconds })}>
                      Last {formatDuration(seconds)}
                    </button>
                  );
                })}
                <OtherLength onChange={choose} />
              </div>
              <ExactRange range={range} onChange={choose} />
            </div>
          );
        }}
      </Popover>
      <button type="button" class="button is-icon" aria-label="Move forward"
              disabled={range.kind === 'relative'}
              onClick={() => onChange(shiftedRange(range, 0.5, 1))}><Icon name="chevron" /></button>
      <button type="button" class="button is-icon" aria-label="Zoom out"
              onClick={() => onChange(shiftedRange(range, 0, 2))}><Icon name="zoomOut" /></button>
    </div>
  );
}
