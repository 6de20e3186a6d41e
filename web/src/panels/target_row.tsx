// One scrape target, and on request everything known about it.

import type { Target } from '../api/prometheus';
import { Icon } from '../components/icon';
import { LabelChips } from '../components/label_chips';
import { formatDateTime, formatLength } from '../lib/time';
import { zone } from '../settings/settings';

interface TargetRowProps {
  target: Target;
  rowIndex: number;
  now: number;
  open: boolean;
  onToggle: () => void;
}

const HEALTH_NAMES = { up: 'Up', down: 'Down', unknown: 'Unknown' };

function scrapedAt(target: Target): number | null {
  const time = Date.parse(target.lastScrape) / 1000;
  return time > 0 ? time : null;
}

function Details({ target }: { target: Target }) {
  const at = scrapedAt(target);
  const facts: [string, string][] = [
    ['URL', target.globalUrl ?? target.scrapeUrl],
    ['Last scrape', at === null ? 'never' : formatDateTime(at, zone.value)],
    ['Interval', target.scrapeInterval ?? ''],
    ['Timeout', target.scrapeTimeout ?? ''],
  ];
  return (
    <div class="target-details">
      <dl>
        {facts.filter(([, text]) => text !== '').map(([name, text]) => (
          <div key={name}><dt>{name}</dt><dd>{text}</dd></div>
        ))}
        <div><dt>Discovered</dt><dd><LabelChips labels={target.discoveredLabels} /></dd></div>
      </dl>
    </div>
  );
}

export function TargetRow({ target, rowIndex, now, open, onToggle }: TargetRowProps) {
  const at = scrapedAt(target);
  return (
    <div class="target" role="row" aria-rowindex={rowIndex}>
      <div class="target-line">
        <div role="cell" class="target-state">
          <span class={`health is-${target.health}`}>{HEALTH_NAMES[target.health]}</span>
        </div>
        <div role="cell" class="target-url">
          <button type="button" class="target-toggle" aria-expanded={open} onClick={onToggle}
                  title={target.scrapeUrl}>
            <span class={`turn${open ? ' is-open' : ''}`}><Icon name="chevron" size={12} /></span>
            <span class="target-url-text">{target.scrapeUrl}</span>
          </button>
        </div>
        <div role="cell" class="target-labels"><LabelChips labels={target.labels} /></div>
        <div role="cell" class="target-ago">
          {at === null ? 'never' : `${formatLength(Math.max(0, now - at))} ago`}
        </div>
        <div role="cell" class="target-took">
          {at === null ? '' : formatLength(target.lastScrapeDuration)}
        </div>
      </div>
      {target.lastError !== '' && (
        <div role="cell" class="target-error">{target.lastError}</div>
      )}
      {open && <div role="cell"><Details target={target} /></div>}
    </div>
  );
}
