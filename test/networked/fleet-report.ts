/** What one of many processes has seen. */
export interface FleetReport {
  readonly asked: number
  readonly hits: number
  /** Bodies that the origin never had. */
  readonly wrong: number
  /** Versions older than one that this process has seen, or than its own change. */
  readonly old: number
  readonly failed: number
  readonly reports: number
}

/** All of them together. */
export function totalOf(reports: readonly FleetReport[]): FleetReport {
  const sum = (name: keyof FleetReport): number =>
    reports.reduce((all, report) => all + report[name], 0)
  return {
    asked: sum('asked'),
    hits: sum('hits'),
    wrong: sum('wrong'),
    old: sum('old'),
    failed: sum('failed'),
    reports: sum('reports'),
  }
}
