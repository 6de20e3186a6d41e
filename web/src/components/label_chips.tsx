// A label set as small name-value pairs, always as text.

import { labelEntries, type Labels } from '../lib/labels';

export function LabelChips({ labels }: { labels: Labels }) {
  return (
    <span class="chips">
      {labelEntries(labels).map(([name, value]) => (
        <span class="chip" key={name} title={`${name}="${value}"`}>
          <span class="chip-name">{name}</span>
          <span class="visually-hidden"> is </span>
          <span class="chip-value">{value}</span>
        </span>
      ))}
    </span>
  );
}
