// How often a page loads again, and the button that does it now.

import { formatDuration } from '../lib/time';
import { REFRESH_CHOICES } from '../settings/clock';
import { Icon } from './icon';
import { Select } from './select';

interface RefreshPickerProps {
  seconds: number;
  onChange: (seconds: number) => void;
  onRefresh: () => void;
}

export function RefreshPicker({ seconds, onChange, onRefresh }: RefreshPickerProps) {
  const choices = REFRESH_CHOICES.map((choice) => ({
    value: String(choice), label: choice === 0 ? 'Off' : formatDuration(choice),
  }));
  return (
    <div class="button-group" role="group" aria-label="Refresh">
      <button type="button" class="button is-icon" aria-label="Refresh now" data-shortcut="r"
              onClick={onRefresh}><Icon name="refresh" /></button>
      <Select name="Refresh every" value={String(seconds)} choices={choices}
              onChange={(value) => onChange(Number(value))} />
    </div>
  );
}
