// Starts the app: shell, pages by path, links that do not reload.

import '@preact/signals';
import { render, type FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { connection } from '../api/client';
import { serverNotices, startHeartbeat } from '../api/heartbeat';
import { Empty, Notice } from '../components/notice';
import { Overview } from '../pages/overview';
import { navigate, pageAt, place } from '../settings/location';
import { Shortcuts } from './shortcuts';
import { TopBar } from './top_bar';

interface Route {
  title: string;
  load: () => Promise<FunctionComponent> | FunctionComponent;
}

const ROUTES: Record<string, Route> = {
  '/': { title: 'Overview', load: () => Overview },
  '/query': { title: 'Query', load: async () => (await import('../pages/query')).Query },
  '/cardinality': {
    title: 'Cardinality',
    load: async () => (await import('../pages/cardinality')).Cardinality,
  },
  '/targets': { title: 'Targets', load: async () => (await import('../pages/targets')).Targets },
};

// As the server has it: --web.page-title.
const TITLE = document.title;

function followLink(event: MouseEvent): void {
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey
    && !event.altKey && !event.defaultPrevented;
  const link = (event.target as Element).closest('a');
  if (!plain || link === null || link.origin !== window.location.origin) return;
  const page = pageAt(link.pathname);
  if (link.target !== '' || link.hash !== '' || page === null || !(page in ROUTES)) return;
  event.preventDefault();
  navigate(page, link.search);
  scrollTo(0, 0);
}

function Page({ route }: { route: Route }) {
  const [shown, setShown] = useState<{ route: Route; page: FunctionComponent } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let left = false;
    document.title = `${route.title} · ${TITLE}`;
    setFailed(false);
    Promise.resolve(route.load()).then(
      (page) => { if (!left) setShown({ route, page }); },
      () => { if (!left) setFailed(true); },
    );
    return () => { left = true; };
  }, [route]);
  if (failed) {
    return (
      <Notice kind="error">This page could not be loaded. Reload when the server is back.</Notice>
    );
  }
  if (shown === null || shown.route !== route) return null;
  const Shown = shown.page;
  return <Shown />;
}

function App() {
  const route = ROUTES[place.value.path];
  useEffect(() => {
    document.addEventListener('click', followLink);
    return () => document.removeEventListener('click', followLink);
  }, []);
  return (
    <>
      <TopBar />
      <div class="lost" aria-live="assertive">
        {connection.value === 'lost' && (
          <Notice kind="error">
            The server cannot be reached. What is shown is from before; this page goes on by itself
            when the server is back.
          </Notice>
        )}
      </div>
      <div class="notices" aria-live="polite">
        {serverNotices.value.map((text) => <Notice key={text} kind="warning">{text}</Notice>)}
      </div>
      <main class="main" id="main" tabIndex={-1}>
        {route === undefined ? <Empty title="There is no such page" /> : <Page route={route} />}
      </main>
      <Shortcuts />
    </>
  );
}

startHeartbeat();
render(<App />, document.getElementById('app')!);
