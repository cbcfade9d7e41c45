/** A source of binary packages, as apt's configuration has it. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Lines in deb822 style, such as `Signed-By: /usr/share/keyrings/a.gpg`. */
  readonly signing: readonly string[];
}

export function aptSources(): AptSource[];
export function debianArchives(): AptSource[];
export function parseOneLineStyle(text: string): AptSource[];
export function parseDeb822(text: string): AptSource[];
