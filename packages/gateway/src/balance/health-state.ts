/** What the checks of one host say together. Pure: a check goes in, a change comes out. */
export class HealthState {
  /** False until the first check has passed. */
  healthy = false
  /** Checks so far; the first decides alone. */
  checks = 0
  /** Checks in a row that contradict `healthy`. */
  contrary = 0

  /** Counts one check; true when `healthy` has changed. The first check counts as a change whatever it says. */
  checked(passed: boolean, toHealthy: number, toUnhealthy: number): boolean {
    this.checks++
    if (this.checks === 1) {
      this.healthy = passed
      return true
    }
    if (passed === this.healthy) {
      this.contrary = 0
      return false
    }
    this.contrary++
    if (this.contrary < (passed ? toHealthy : toUnhealthy)) return false
    this.healthy = passed
    this.contrary = 0
    return true
  }
}
