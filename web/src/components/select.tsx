// The browser's own select in the house style.

interface SelectProps {
  name: string;
  value: string;
  choices: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
}

export function Select({ name, value, choices, onChange }: SelectProps) {
  return (
    <select class="select" aria-label={name} value={value}
            onChange={(event) => onChange(event.currentTarget.value)}>
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value} selected={choice.value === value}>
          {choice.label}
        </option>
      ))}
    </select>
  );
}
