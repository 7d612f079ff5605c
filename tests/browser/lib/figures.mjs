// Figures that cases print.

/** The value below which `percent` of the values lie; undefined of none. */
export function percentile(values, percent) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

export function percentiles(values, unit = "ms") {
    const of = (percent) => percentile(values, percent)?.toFixed(0);
    return `p5 ${of(5)}  p50 ${of(50)}  p95 ${of(95)}  p99 ${of(99)}  max ${of(100)} ${unit} (${values.length} values)`;
}

export const mebibytes = (bytes) => `${(bytes / (1 << 20)).toFixed(1)} MiB`;
