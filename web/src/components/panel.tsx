// A titled box with its own controls.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface PanelProps {
  title: string;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  busy?: boolean;
  wide?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, note, actions, busy, wide, children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel${wide ? ' is-wide' : ''}`} aria-labelledby={id} aria-busy={busy}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span class="panel-note">{note}</span>}
        <span class="panel-actions">{actions}</span>
      </header>
      {children}
    </section>
  );
}
