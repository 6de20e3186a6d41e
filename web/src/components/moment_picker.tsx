// One moment: now, or an exact time.

import { useState } from 'preact/hooks';
import { formatDateTime, parseDateTime } from '../lib/time';
import { zone } from '../settings/settings';
import { Icon } from './icon';
import { Popover } from './popover';

interface MomentPickerProps {
  /** Null is now. */
  moment: number | null;
  onChange: (moment: number | null) => void;
}

function ExactMoment({ moment, onChange }: MomentPickerProps) {
  const [text, setText] = useState(
    formatDateTime(moment ?? Math.floor(Date.now() / 1000), zone.value));
  const [error, setError] = useState('');

  function apply(event: Event): void {
    event.preventDefault();
    const time = parseDateTime(text, zone.value);
    if (time === null) setError('Write a time as 2026-11-20 14:32:07');
    else onChange(time);
  }

  return (
    <form class="range-exact" onSubmit={apply}>
      <label>At<input class="input" value={text} spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)} /></label>
      <div class="field-error" role="alert">{error}</div>
      <button type="submit" class="button is-primary">Apply</button>
      <button type="button" class="button" onClick={() => onChange(null)}>Now</button>
    </form>
  );
}

export function MomentPicker({ moment, onChange }: MomentPickerProps) {
  const name = moment === null ? 'Now' : formatDateTime(moment, zone.value);
  return (
    <Popover name={`Time: ${name}`} label={<><Icon name="clock" /><span>{name}</span></>}>
      {(close) => (
        <ExactMoment moment={moment} onChange={(chosen) => {
          onChange(chosen);
          close();
        }} />
      )}
    </Popover>
  );
}
