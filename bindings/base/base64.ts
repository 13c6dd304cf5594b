/** Code that is inlined as text, as bytes. */

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  // Decoded by native code where there is some: the loop below runs once, interpreted, and takes 3 ms for the core.
  const { Buffer } = globalThis as { Buffer?: typeof globalThis.Buffer };
  if (Buffer) return Buffer.from(text, 'base64');
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
