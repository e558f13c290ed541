// Sentences that a person reads, with their values: `{name}` stands for one. A value is text by then: amounts, times and addresses are written by
// `format`.

/** A sentence with its values. */
export const t = (sentence: string, values: Readonly<Record<string, string | number | bigint>> = {}): string =>
  sentence.replace(/\{(\w+)\}/g, (place, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : place));

/** Marks a sentence of a table: whoever draws it calls `t`. */
export const later = <Sentence extends string>(sentence: Sentence): Sentence => sentence;
