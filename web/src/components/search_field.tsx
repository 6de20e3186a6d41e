// The field that the slash key focuses.

import { Icon } from './icon';

interface SearchFieldProps {
  name: string;
  value: string;
  onChange: (value: string) => void;
}

export function SearchField({ name, value, onChange }: SearchFieldProps) {
  return (
    <span class="search">
      <Icon name="search" />
      <input type="search" class="input" aria-label={name} placeholder={name} value={value}
             data-shortcut="/" spellcheck={false} autocomplete="off"
             onInput={(event) => onChange(event.currentTarget.value)} />
      <kbd aria-hidden="true">/</kbd>
    </span>
  );
}
