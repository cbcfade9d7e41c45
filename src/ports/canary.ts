/** Where a store keeps the canary's markers: one that is written here, and one that comes from the other store. */
export interface MarkerPlace {
  /**
   * Writes the marker that is to reach the other store, as any client would: whatever stands there.
   * @throws ReplicaError
   */
  write(marker: string, signal: AbortSignal): Promise<void>;
  /**
   * The marker that has come here from the other store; undefined while none has.
   * @throws ReplicaError
   */
  read(signal: AbortSignal): Promise<string | undefined>;
}
