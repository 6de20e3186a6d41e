// A long list that scrolls with the page and keeps only the rows in view in the document.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import { RowHeights } from '../lib/rows_window';

interface VirtualRowsProps {
  keys: readonly string[];
  /** First guess of a row's height in pixels. */
  rowHeight: number;
  render: (index: number) => ComponentChildren;
}

/** Rows rendered beyond both edges, so that a fast scroll does not show blanks. */
const OVERSCAN_PX = 600;

export function VirtualRows({ keys, rowHeight, render }: VirtualRowsProps) {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const host = useRef<HTMLDivElement>(null);
  const known = useRef(new Map<string, number>());
  const heights = useMemo(
    () => new RowHeights(keys.map((key) => known.current.get(key) ?? rowHeight)),
    [keys, rowHeight],
  );

  useEffect(() => {
    let frame = 0;
    const onScroll = (): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => redraw(null));
    };
    addEventListener('scroll', onScroll, { passive: true, capture: true });
    addEventListener('resize', onScroll);
    redraw(null);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', onScroll, { capture: true });
      removeEventListener('resize', onScroll);
    };
  }, []);

  const top = -(host.current?.getBoundingClientRect().top ?? 0);
  const bottom = top + (typeof innerHeight === 'number' ? innerHeight : 0);
  const { first, end } = heights.between(Math.max(0, top - OVERSCAN_PX),
                                         Math.max(0, bottom + OVERSCAN_PX));

  useLayoutEffect(() => {
    let changed = false;
    for (const row of host.current?.firstElementChild?.children ?? []) {
      const index = Number((row as HTMLElement).dataset['index']);
      const height = row.getBoundingClientRect().height;
      const key = keys[index];
      if (key === undefined || height === 0) continue;
      known.current.set(key, height);
      changed = heights.measure(index, height) || changed;
    }
    if (changed) redraw(null);
  });

  const rows = [];
  for (let i = first; i < end; i++) {
    rows.push(<div key={keys[i]} data-index={i} role="presentation">{render(i)}</div>);
  }
  return (
    <div class="virtual-rows" ref={host} role="presentation"
         style={{ height: `${heights.total}px` }}>
      <div role="presentation" style={{ transform: `translateY(${heights.top(first)}px)` }}>
        {rows}
      </div>
    </div>
  );
}
