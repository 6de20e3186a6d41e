// Single-key shortcuts, and the dialog that lists them and can turn them off.

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../components/icon';
import { navigate } from '../settings/location';
import { singleKeys } from '../settings/settings';

export const shortcutsOpen = signal(false);

const PAGES: Record<string, string> = { o: '/', q: '/query', t: '/targets' };
const LIST: [string[], string][] = [
  [['g', 'o'], 'Overview'],
  [['g', 'q'], 'Query'],
  [['g', 't'], 'Targets'],
  [['/'], 'Search, or the query editor'],
  [['r'], 'Refresh now'],
  [['?'], 'This list'],
  [['Ctrl', 'Enter'], 'Run the query'],
  [['←', '→'], 'In a chart: move the cursor'],
  [['+', '−'], 'In a chart: zoom'],
  [['Esc'], 'Close, or leave the chart'],
];

function typing(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement
    && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function press(key: string): boolean {
  const element = document.querySelector<HTMLElement>(`[data-shortcut="${key}"]`);
  if (element === null) return false;
  if (element instanceof HTMLButtonElement) element.click();
  else element.focus();
  return true;
}

let afterG = false;

function onKeyDown(event: KeyboardEvent): void {
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  if (!singleKeys.value || modified || event.defaultPrevented || typing(event)) return;
  const page = afterG ? PAGES[event.key] : undefined;
  afterG = event.key === 'g';
  if (page !== undefined) navigate(page);
  else if (event.key === '?') shortcutsOpen.value = true;
  else if (event.key !== '/' && event.key !== 'r') return;
  else if (!press(event.key)) return;
  event.preventDefault();
}

export function Shortcuts() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = shortcutsOpen.value;
  useEffect(() => {
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
  useEffect(() => {
    if (open) dialog.current!.showModal();
    else dialog.current!.close();
  }, [open]);
  const close = (): void => {
    shortcutsOpen.value = false;
  };
  return (
    <dialog class="shortcuts" ref={dialog} aria-label="Keyboard shortcuts" onClose={close}>
      <div class="shortcuts-head">
        <h2>Keyboard shortcuts</h2>
        <button type="button" class="button is-icon is-bare" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <dl>
        {LIST.map(([keys, what]) => (
          <>
            <dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
      <label>
        <input type="checkbox" checked={singleKeys.value}
               onChange={(event) => { singleKeys.value = event.currentTarget.checked; }} />
        Single-key shortcuts
      </label>
    </dialog>
  );
}
