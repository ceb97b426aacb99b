// The words people read, from the same message files the pages are made of: a journey holds in every language.
import { readFileSync } from 'node:fs';

export const LANGUAGES = ['en', 'zh-CN'] as const;
export type Language = (typeof LANGUAGES)[number];

export type Words = (key: string, values?: Record<string, string | number>) => string;

/** `words('en')('order.making_by', { name: 'Kim' })`: a missing message or value fails. */
export function words(language: Language): Words {
  const file = new URL(`../../../app/locales/${language}.json`, import.meta.url);
  const messages: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return (key, values = {}) => {
    const message = key.split('.').reduce((part, name) => (part as Record<string, unknown> | undefined)?.[name], messages);
    if (typeof message !== 'string') throw new Error(`${language} has no message ${key}`);
    return message.replaceAll(/\{\{? *(\w+) *\}?\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`${key} wants ${name}`);
      return String(value);
    });
  };
}

/** The part of a message before its first value, for texts whose value changes by itself. */
export function beginning(language: Language, key: string): string {
  const [before] = words(language)(key, { time: '\0', left: '\0', wait: '\0' }).split('\0');
  if (before === undefined || before === '') throw new Error(`${key} begins with a value`);
  return before.trim();
}
