// Brand, navigation, connection, theme and time zone.

import { connection, type Connection } from '../api/client';
import { serverVersion } from '../api/heartbeat';
import { Icon, Logo, type IconName } from '../components/icon';
import { place } from '../settings/location';
import { theme, zone, type Theme } from '../settings/settings';
import { shortcutsOpen } from './shortcuts';

const LINKS: [string, string][] = [
  ['/', 'Overview'], ['/query', 'Query'], ['/targets', 'Targets'], ['/cardinality', 'Cardinality'],
];
const NEXT_THEME: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_ICONS: Record<Theme, IconName> = { system: 'display', light: 'sun', dark: 'moon' };
const STATUS: Record<Connection, { text: string; dot: string }> = {
  connecting: { text: 'Connecting', dot: '' },
  connected: { text: 'Connected', dot: 'is-good' },
  lost: { text: 'Disconnected', dot: 'is-bad' },
};

export function TopBar() {
  const status = STATUS[connection.value];
  const themeName = `Theme: ${theme.value}`;
  return (
    <header class="top">
      <a class="skip" href="#main">Skip to content</a>
      <a class="brand" href="./" aria-label="Pitwall"><Logo /><span>Pitwall</span></a>
      <nav class="nav" aria-label="Pages">
        {LINKS.map(([path, name]) => (
          <a key={path} href={`.${path}`}
             aria-current={place.value.path === path ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <div class="top-tools">
        <span class="status" role="status" title={`${status.text} ${serverVersion.value}`.trim()}>
          <span class={`dot ${status.dot}`} /><span>{status.text}</span>
        </span>
        <button type="button" class="button is-bare is-small zone-button"
                aria-label={`Time zone: ${zone.value === 'utc' ? 'UTC' : 'local'}`}
                title="Times in local time or UTC"
                onClick={() => { zone.value = zone.value === 'utc' ? 'local' : 'utc'; }}>
          {zone.value === 'utc' ? 'UTC' : 'Local'}
        </button>
        <button type="button" class="button is-icon is-bare" aria-label={themeName}
                title={themeName} onClick={() => { theme.value = NEXT_THEME[theme.value]; }}>
          <Icon name={THEME_ICONS[theme.value]} />
        </button>
        <button type="button" class="button is-icon is-bare shortcut-button"
                aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)"
                onClick={() => { shortcutsOpen.value = true; }}>
          <Icon name="keyboard" />
        </button>
      </div>
    </header>
  );
}
