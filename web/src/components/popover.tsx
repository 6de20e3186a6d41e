// A button that opens a small panel under itself; Escape and a click elsewhere close it.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

interface PopoverProps {
  label: ComponentChildren;
  name: string;
  children: (close: () => void) => ComponentChildren;
}

export function Popover({ label, name, children }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event): void => {
      if (!root.current!.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);

  function close(): void {
    setOpen(false);
    button.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || !open) return;
    event.stopPropagation();
    close();
  }

  return (
    <div class="popover" ref={root} onKeyDown={onKeyDown}>
      <button type="button" class="button" ref={button} aria-expanded={open} aria-controls={id}
              aria-label={name} onClick={() => setOpen(!open)}>
        {label}
      </button>
      {open && <div class="popover-panel" id={id} role="dialog" aria-label={name}>
        {children(close)}
      </div>}
    </div>
  );
}
