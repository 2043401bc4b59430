/** GeneralName (RFC 5280 §4.2.1.6), in subject alternative names and in name constraints (§4.2.1.10). */
import { latin1Text } from '../ascii.ts';
import { DerError, DerTag, derContent, derOid, expectDerChild, readDerChildren } from '../der.ts';
import type { DerElement } from '../der.ts';
import { readName } from './distinguished-name.ts';
import type { DistinguishedName } from './distinguished-name.ts';

/** Names by kind. Text is bytes as Latin-1, so that nothing is lost: it is compared, not shown. */
export interface GeneralNames {
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes in names; twice that, address and mask, in constraints. */
  readonly ipAddresses: readonly Uint8Array[];
  readonly mailAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly directoryNames: readonly DistinguishedName[];
  /** Context tags of the other kinds that occur; in constraints also of those that cannot be evaluated. */
  readonly otherTags: readonly number[];
}

export interface NameConstraints {
  readonly permitted: GeneralNames;
  readonly excluded: GeneralNames;
}

/** Tags of GeneralName's kinds. */
export const NameTag = { OTHER: 0xa0, MAIL: 0x81, DNS: 0x82, DIRECTORY: 0xa4, URI: 0x86, IP: 0x87 } as const;

/** otherName, x400Address, ediPartyName, registeredID. A tag that is none of these must not get lost in a constraint. */
const OTHER_TAGS: readonly number[] = [0xa0, 0xa3, 0xa5, 0x88];

/** RFC 9598 §3: a mail address with a local part outside ASCII, which constraints on mail addresses hold for too (§6). */
const SMTP_UTF8_MAILBOX = '1.3.6.1.5.5.7.8.9';

/**
 * @param isConstraint whether iPAddress is a range: address and mask
 * @throws DerError
 */
export function readGeneralNames(
  bytes: Uint8Array,
  elements: readonly DerElement[],
  isConstraint: boolean,
): GeneralNames {
  const dnsNames: string[] = [];
  const ipAddresses: Uint8Array[] = [];
  const mailAddresses: string[] = [];
  const uris: string[] = [];
  const directoryNames: DistinguishedName[] = [];
  const otherTags: number[] = [];
  for (const element of elements) {
    const content = derContent(bytes, element);
    if (element.tag === NameTag.DNS) dnsNames.push(latin1Text(content));
    else if (element.tag === NameTag.IP) {
      const length = isConstraint ? content.length / 2 : content.length;
      if (length !== 4 && length !== 16)
        throw new DerError(`IP address${isConstraint ? ' range' : ''} has the wrong length`);
      ipAddresses.push(new Uint8Array(content));
    } else if (element.tag === NameTag.MAIL) mailAddresses.push(latin1Text(content));
    else if (element.tag === NameTag.URI) uris.push(latin1Text(content));
    else if (element.tag === NameTag.DIRECTORY) directoryNames.push(readName(content));
    else {
      if (!OTHER_TAGS.includes(element.tag)) throw new DerError('Name is of no kind that there is');
      otherTags.push(element.tag);
      // Latin-1 of UTF-8 with its header: nothing that could pass for an address of ASCII.
      if (element.tag === NameTag.OTHER && otherNameType(bytes, element) === SMTP_UTF8_MAILBOX)
        mailAddresses.push(latin1Text(content));
    }
  }
  return { dnsNames, ipAddresses, mailAddresses, uris, directoryNames, otherTags };
}

function otherNameType(bytes: Uint8Array, element: DerElement): string {
  return derOid(bytes, expectDerChild(readDerChildren(bytes, element), 0, DerTag.OBJECT_IDENTIFIER));
}

/**
 * @param subtrees GeneralSubtrees: SEQUENCE { base, minimum, maximum }. minimum and maximum are not in use (§4.2.1.10): with one of them, a base counts
 *   as one that cannot be evaluated
 * @throws DerError
 */
export function readSubtrees(bytes: Uint8Array, subtrees: DerElement | undefined): GeneralNames {
  const bases: DerElement[] = [];
  const limitedTags: number[] = [];
  const elements = subtrees === undefined ? [] : readDerChildren(bytes, subtrees);
  // An empty list of what is permitted would otherwise permit everything.
  if (subtrees !== undefined && elements.length === 0) throw new DerError('Name constraints are empty');
  for (const subtree of elements) {
    const [base, ...limits] = readDerChildren(bytes, subtree);
    if (subtree.tag !== DerTag.SEQUENCE || base === undefined) throw new DerError('Name constraint is malformed');
    bases.push(base);
    if (limits.length > 0) limitedTags.push(base.tag);
  }
  const names = readGeneralNames(bytes, bases, true);
  if (!names.ipAddresses.every(hasPlainMask)) throw new DerError('IP address range has a mask with gaps');
  return { ...names, otherTags: [...names.otherTags, ...limitedTags] };
}

/** RFC 5280 §4.2.1.10: ranges are those of CIDR, ones before zeros. */
function hasPlainMask(range: Uint8Array): boolean {
  let hasEnded = false;
  for (const byte of range.subarray(range.length / 2))
    for (let bit = 0x80; bit > 0; bit >>= 1) {
      if ((byte & bit) === 0) hasEnded = true;
      else if (hasEnded) return false;
    }
  return true;
}
