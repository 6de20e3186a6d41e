// A trend without numbers, beside the number it led to.

interface SparklineProps {
  values: readonly (number | null)[];
  colour: string;
}

const WIDTH = 100;
const HEIGHT = 24;

export function Sparkline({ values, colour }: SparklineProps) {
  const numbers = values.filter((value): value is number => value !== null);
  const top = Math.max(...numbers, 0) * 1.1 || 1;
  let path = '';
  let drawing = false;
  values.forEach((value, i) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const x = (i / Math.max(1, values.length - 1)) * WIDTH;
    const y = HEIGHT - 1 - (value / top) * (HEIGHT - 2);
    path += `${drawing ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    drawing = true;
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none"
         aria-hidden="true">
      <path d={path} fill="none" stroke={colour} stroke-width="1.5"
            vector-effect="non-scaling-stroke" />
    </svg>
  );
}
