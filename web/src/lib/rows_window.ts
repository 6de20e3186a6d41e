// Which rows of a long list are in view when heights differ. Heights not measured yet are guessed.

export class RowHeights {
  private offsets: number[] = [0];

  constructor(private readonly heights: number[]) {
    this.rebuild(0);
  }

  private rebuild(from: number): void {
    for (let i = from; i < this.heights.length; i++) {
      this.offsets[i + 1] = this.offsets[i]! + this.heights[i]!;
    }
  }

  /** True if the height was news. */
  measure(index: number, height: number): boolean {
    if (index >= this.heights.length || this.heights[index] === height) return false;
    this.heights[index] = height;
    this.rebuild(index);
    return true;
  }

  get total(): number {
    return this.offsets[this.heights.length]!;
  }

  top(index: number): number {
    return this.offsets[index]!;
  }

  /** Rows [first, end) that touch [top, bottom). */
  between(top: number, bottom: number): { first: number; end: number } {
    const first = Math.max(0, this.lastAtOrAbove(top));
    const end = Math.min(this.heights.length, this.lastAtOrAbove(bottom) + 1);
    return { first: Math.min(first, end), end };
  }

  private lastAtOrAbove(y: number): number {
    let low = 0;
    let high = this.heights.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offsets[middle]! <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
