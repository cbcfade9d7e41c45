/** Why everything is walked; label values of `rescans_total`. */
export type RescanReason = 'start' | 'reconnect' | 'overflow' | 'verify' | 'operator' | 'retry';
