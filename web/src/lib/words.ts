// Every sentence that a person reads passes here. The English sentence is its own key; another language is a table from these to its own,
// loaded when it is chosen. `{name}` stands for a value, in every language.
import { useSyncExternalStore } from "react";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
export type Table = Readonly<Record<string, string>>;

const KEY = "tidepool.language";
const TABLES: Record<Exclude<Language, "en">, () => Promise<{ default: Table }>> = { de: () => import("../words/de") };

let language: Language = "en";
let table: Table = {};
const listeners = new Set<() => void>();

export const currentLanguage = (): Language => language;
/** As `Intl` knows it. Days before months, 24 hours, in every language. */
export const locale = (): string => ({ en: "en-GB", de: "de-DE" })[language];

const isLanguage = (value: unknown): value is Language => typeof value === "string" && Object.hasOwn(LANGUAGES, value);

/** The language that was chosen here before, or else the first one of the browser's that there is. */
export function wantedLanguage(): Language {
  try {
    const stored = localStorage.getItem(KEY);
    if (isLanguage(stored)) return stored;
  } catch {
    // Without storage the browser's languages decide.
  }
  return navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage) ?? "en";
}

/** Changes the language of everything that is drawn from now on. If its table cannot be loaded the language stays what it was. */
export async function speak(wanted: Language, remember: boolean): Promise<void> {
  try {
    table = wanted === "en" ? {} : (await TABLES[wanted]()).default;
  } catch {
    return;
  }
  language = wanted;
  document.documentElement.lang = wanted;
  try {
    if (remember) localStorage.setItem(KEY, wanted);
  } catch {
    // Lives as long as the page.
  }
  for (const listener of listeners) listener();
}

export const useLanguage = (): Language =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => language,
  );

/** A sentence in the reader's language, not filled in. */
export const sentence = (english: string): string => (Object.hasOwn(table, english) ? table[english]! : english);

/** A sentence in the reader's language, with its values. */
export const t = (english: string, values: Readonly<Record<string, string | number | bigint>> = {}): string =>
  sentence(english).replace(/\{(\w+)\}/g, (place, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : place));

/** Marks a sentence of a table: whoever draws it calls `t`. */
export const later = <Sentence extends string>(english: Sentence): Sentence => english;
