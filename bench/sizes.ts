/** The body sizes that are measured. */
export const kib: number = 2 ** 10
export const mib: number = 2 ** 20

export function sizeName(bytes: number): string {
  return bytes >= mib ? `${bytes / mib} MB` : `${bytes / kib} KB`
}
