// A few exclusive choices side by side: radio buttons in other clothes.

import type { ComponentChildren } from 'preact';

interface SegmentedProps<T extends string | number> {
  name: string;
  value: T;
  choices: readonly { value: T; label: ComponentChildren; title?: string }[];
  onChange: (value: T) => void;
}

export function Segmented<T extends string | number>(props: SegmentedProps<T>) {
  return (
    <div class="segmented" role="radiogroup" aria-label={props.name}>
      {props.choices.map((choice) => (
        <label key={choice.value} title={choice.title}
               class={`segmented-item${choice.value === props.value ? ' is-chosen' : ''}`}>
          <input type="radio" class="visually-hidden" name={props.name}
                 checked={choice.value === props.value}
                 onChange={() => props.onChange(choice.value)} />
          {choice.label}
        </label>
      ))}
    </div>
  );
}
