// What a page says instead of, or above, its data.

import type { ComponentChildren } from 'preact';
import { Icon } from './icon';

interface NoticeProps {
  kind: 'error' | 'warning' | 'info';
  children: ComponentChildren;
}

export function Notice({ kind, children }: NoticeProps) {
  return (
    <div class={`notice is-${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      {kind !== 'info' && <Icon name="alert" />}
      <div>{children}</div>
    </div>
  );
}

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
}

export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty" role="status">
      <div class="empty-title">{title}</div>
      {children !== undefined && <div class="empty-text">{children}</div>}
    </div>
  );
}
