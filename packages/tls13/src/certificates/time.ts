/**
 * Time of RFC 5280 §4.1.2.5: UTCTime as YYMMDDHHMMSSZ, GeneralizedTime as YYYYMMDDHHMMSSZ, and nothing else.
 *
 * General ASN.1 parsers also take what DER and RFC 5280 leave out, and make something up where a text is no time at all: local time without
 * the Z, a 32nd of December, year 0. A validity read like that is no validity.
 */
import { DerError, derContent } from '../der.ts';
import type { DerElement } from '../der.ts';

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** @returns ms since 1970. @throws DerError */
export function readTime(bytes: Uint8Array, element: DerElement): number {
  const yearDigits = element.tag === UTC_TIME ? 2 : element.tag === GENERALIZED_TIME ? 4 : 0;
  const content = derContent(bytes, element);
  if (yearDigits === 0 || content.length !== yearDigits + 11 || content[yearDigits + 10] !== 0x5a)
    throw new DerError('Time is not written as RFC 5280 asks');
  const number = (start: number, length: number): number => {
    let value = 0;
    for (const byte of content.subarray(start, start + length)) {
      if (byte < 0x30 || byte > 0x39) throw new DerError('Time has something else than digits');
      value = value * 10 + byte - 0x30;
    }
    return value;
  };
  const years = number(0, yearDigits);
  // §4.1.2.5.1: two digits from 50 on are of the last century.
  const year = yearDigits === 4 ? years : years + (years >= 50 ? 1900 : 2000);
  const [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map((at) => number(yearDigits + at, 2));
  if (month < 1 || month > 12 || day < 1 || day > daysIn(month, year) || hour > 23 || minute > 59 || second > 59)
    throw new DerError('Time is not one of any calendar day');
  return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

function daysIn(month: number, year: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** The inverse of what date-text.ts does: in years that begin on 1 March, so that the leap day is the last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - 719_468;
}
