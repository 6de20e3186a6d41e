// The expression field: a plain text area until the editor has been loaded.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Known } from '../lang/completion';
import type { Editor, Underline } from '../lang/editor';

/** A text that did not come from typing; a new object is a new text. */
export interface OutsideText {
  text: string;
}

interface EditorFieldProps {
  name: string;
  text: string;
  /** Replaces what is in the editor. What was typed never comes back: it could be old by then. */
  outside: OutsideText;
  known: Known;
  underline: Underline | null;
  onChange: (text: string) => void;
  onRun: () => void;
}

export function EditorField(props: EditorFieldProps) {
  const { name, text, outside, underline } = props;
  const host = useRef<HTMLDivElement>(null);
  const fallback = useRef<HTMLTextAreaElement>(null);
  const editor = useRef<Editor | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [mounted, setMounted] = useState(false);

  useEffect(() => {
    let left = false;
    import('../lang/editor').then(({ mountEditor }) => {
      if (left) return;
      const focused = document.activeElement === fallback.current;
      editor.current = mountEditor(host.current!, {
        text: latest.current.text, name, known: latest.current.known,
        onChange: (changed) => latest.current.onChange(changed),
        onRun: () => latest.current.onRun(),
      });
      setMounted(true);
      if (focused) editor.current.focus();
    }, () => undefined);
    return () => {
      left = true;
      editor.current?.destroy();
      editor.current = null;
    };
  }, []);

  useEffect(() => editor.current?.setText(outside.text), [outside]);
  useEffect(() => editor.current?.setUnderline(underline), [underline, mounted]);
  useEffect(() => editor.current?.setName(name), [name, mounted]);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    latest.current.onRun();
  }

  return (
    <div class="editor">
      <div class="editor-host" ref={host} data-shortcut={mounted ? '/' : undefined} />
      {!mounted && (
        <textarea ref={fallback} class="editor-fallback" aria-label={name} rows={1} value={text}
                  data-shortcut="/" spellcheck={false} onKeyDown={onKeyDown}
                  onFocus={() => editor.current?.focus()}
                  onInput={(event) => latest.current.onChange(event.currentTarget.value)} />
      )}
    </div>
  );
}
