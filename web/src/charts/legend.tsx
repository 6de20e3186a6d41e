// Series of a chart as buttons: value under the cursor, else the last; pressing hides or shows.

import type { Signal } from '@preact/signals';
import { lastValue, type FrameSeries } from '../lib/frame';
import { formatValue, type Unit } from '../lib/units';

interface LegendProps {
  series: readonly FrameSeries[];
  unit: Unit;
  hidden: ReadonlySet<string>;
  onHidden: (hidden: ReadonlySet<string>) => void;
  cursorIndex: Signal<number | null>;
  /** One series a line, for long names. */
  list?: boolean;
}

function toggled(hidden: ReadonlySet<string>, key: string): Set<string> {
  const next = new Set(hidden);
  if (!next.delete(key)) next.add(key);
  return next;
}

function isolated(series: readonly FrameSeries[], hidden: ReadonlySet<string>,
                  key: string): Set<string> {
  const others = series.filter((one) => one.key !== key).map((one) => one.key);
  const alone = !hidden.has(key) && others.every((other) => hidden.has(other));
  return new Set(alone ? [] : others);
}

export function Legend({ series, unit, hidden, onHidden, cursorIndex, list }: LegendProps) {
  const index = cursorIndex.value;
  return (
    <ul class={`legend${list ? ' is-list' : ''}`} aria-label="Series">
      {series.map((one) => {
        const value = index === null ? lastValue(one.values) : one.values[index] ?? null;
        const shown = !hidden.has(one.key);
        return (
          <li key={one.key}>
            <button type="button" class="legend-item" aria-pressed={shown}
              title={`${one.fullName ?? one.label}\nClick hides, with Ctrl shows only this`}
              onClick={(event) => onHidden(event.ctrlKey || event.metaKey
                ? isolated(series, hidden, one.key) : toggled(hidden, one.key))}>
              <span class={`swatch${one.reference ? ' is-reference' : ''}`}
                    style={{ '--swatch': one.colour }} />
              <span class="legend-label">{one.label}</span>
              <span class="legend-value">{value === null ? '–' : formatValue(value, unit)}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
