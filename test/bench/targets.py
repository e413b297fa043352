"""The targets: what is compared with what, and how much is allowed."""

from measure import PARTS


class Row:
    """One comparison. `limit` with `at_most` says when it is met."""

    def __init__(self, target, what, build, ours, other, ratio, limit, at_most=True, gate=False,
                 part="", names=()):
        self.target = target
        self.what = what
        self.build = build
        self.ours = ours      # text
        self.other = other    # text
        self.ratio = ratio
        self.limit = limit    # None: reported only
        self.at_most = at_most
        self.gate = gate
        self.part = part      # what to measure again when a gate misses
        self.names = names    # of that, the figures that it compares; none: all of it

    @property
    def met(self):
        if self.limit is None:
            return True
        return self.ratio <= self.limit if self.at_most else self.ratio >= self.limit

    @property
    def sign(self):
        return "<=" if self.at_most else ">="


def ns(value):
    return "%.2f ns" % value if value < 100 else "%.0f ns" % value


def ms(value_ns):
    return "%.2f ms" % (value_ns / 1e6)


def hot_path_rows(build):
    f = build.figures
    rows = []

    def versus(target, what, ours, other, limit, *, gate=False, at_most=True, sleeps=False,
               part="hot_path"):
        a = f.ns(ours)
        b = f.wall_ns(other) if sleeps else f.ns(other)
        ratio = a / b if at_most else b / a
        rows.append(Row(target, what, build.label, ns(a), ns(b), ratio, limit, at_most, gate,
                        part, (ours, other) if gate else ()))

    def scaling(series, gate):
        names = ["increment/polymeter/%s/t%d" % (series, threads) for threads in (1, 8)]
        one, eight = (f.ns(name) for name in names)
        rows.append(Row(1, "increment, %s series: throughput, 8 threads over 1" % series,
                        build.label, ns(eight), ns(one), one / eight, 1.6, False, gate,
                        "hot_path", names))

    inc = "increment/%s/%s/t%d"
    versus(1, "increment, 8 threads, 1,000 series / floor", inc % ("polymeter", "1000", 8),
           inc % ("floor_shared", "1000", 8), 1.5, gate=True)
    versus(1, "... / slots behind a vector of pointers for each thread",
           inc % ("polymeter", "1000", 8), inc % ("floor", "1000", 8), None)
    versus(1, "increment, 8 threads, 100,000 series / floor", inc % ("polymeter", "100000", 8),
           inc % ("floor", "100000", 8), None)
    versus(1, "increment, 8 threads, 1 series: prom / ours", inc % ("polymeter", "1", 8),
           inc % ("prom", "1", 8), 40, at_most=False, sleeps=True)
    scaling("1000", True)
    scaling("100000", True)
    versus(2, "increment, 1 thread, 1,000 series / floor", inc % ("polymeter", "1000", 1),
           inc % ("floor_shared", "1000", 1), 1.5, gate=True)
    versus(2, "... / slots behind a vector of pointers for each thread",
           inc % ("polymeter", "1000", 1), inc % ("floor", "1000", 1), None)
    versus(2, "increment, 1 thread, 1,000 series: prom / ours", inc % ("polymeter", "1000", 1),
           inc % ("prom", "1000", 1), 6, at_most=False)
    versus(2, "increment by a double, 1 thread, 1,000 series / floor",
           inc % ("polymeter_double", "1000", 1), inc % ("floor", "1000", 1), None)

    obs = "observe/%s/%s/t%d"
    for threads in (1, 8):
        for series, words in (("1", "1 series"), ("1000", "1,000 series")):
            versus(3, "observe, %d thread%s, %s / per-thread histogram" % (
                threads, "s" if threads > 1 else "", words), obs % ("polymeter", series, threads),
                obs % ("floor", series, threads), 1.3, gate=True)
            versus(3, "... the same / per-thread histogram with SSE2 search",
                   obs % ("polymeter", series, threads), obs % ("floor_sse2", series, threads),
                   None)
    for threads in (1, 8):
        for series, words in (("1", "1 series"), ("1000", "1,000 series")):
            versus(3, "observe with exponential buckets, %d thread%s, %s / explicit ones" % (
                threads, "s" if threads > 1 else "", words), obs % ("native", series, threads),
                obs % ("polymeter", series, threads), 3, gate=threads == 1, part="native")
            versus(3, "... with both", obs % ("both", series, threads),
                   obs % ("polymeter", series, threads), None)
    versus(3, "observe, 8 threads, 1 series: prom / ours", obs % ("polymeter", "1", 8),
           obs % ("prom", "1", 8), 15, at_most=False, sleeps=True)

    look = "lookup/%s/%s/t%d"
    for threads, limit in ((1, 7), (8, 20)):
        for series, words in (("1", "1 pair"), ("1000", "1,000 pairs")):
            versus(4, "two-label look-up and increment, %d thread%s, %s: prom / ours" % (
                threads, "s" if threads > 1 else "", words), look % ("polymeter", series, threads),
                look % ("prom", series, threads), limit, at_most=False, sleeps=threads > 1)
    allocations = max(f.get(look % ("polymeter", s, 1), "allocations") for s in ("1", "1000"))
    prom = f.get(look % ("prom", "1", 1), "allocations")
    rows.append(Row(4, "look-up: allocations a call", build.label, "%g" % allocations,
                    "%g" % prom, allocations, 0, part="hot_path"))

    versus(11, "null backend, 1 thread, 1,000 series / floor", inc % ("null", "1000", 1),
           inc % ("floor_shared", "1000", 1), 0.8)
    versus(11, "... the loop alone / floor", inc % ("loop", "1000", 1),
           inc % ("floor_shared", "1000", 1), None)
    return rows


def summary_rows(build):
    """Target 17: summaries, which PERFORMANCE has no figure for but prometheus-cpp's."""
    f = build.figures
    rows = []
    one, eight = "summary/%s/1/t1", "summary/%s/1/t8"

    def versus(what, name, other, limit, at_most=True, read=f.ns):
        a, b = read(name % "polymeter"), read(name % other)
        rows.append(Row(17, what, build.label, ns(a), ns(b), a / b if at_most else b / a, limit,
                        at_most, part="summary"))

    versus("summary observe, 1 thread: prom / ours", one, "prom", 50, at_most=False)
    versus("summary observe, 8 threads: prom / ours", eight, "prom", 50, at_most=False,
           read=f.wall_ns)
    versus("summary observe, 1 thread / histogram observe", one, "histogram", 5)
    versus("summary observe, 8 threads / histogram observe", eight, "histogram", 5)
    versus("summary observe, 1 thread, 1,000 series / histogram observe",
           "summary/%s/1000/t1", "histogram", None)
    versus("snapshot of 1,000 summaries: prom / ours", "summary_read/%s/1000", "prom", None,
           at_most=False)
    a, b = (f.get("summary_memory/" + who, "bytes_observed") for who in ("polymeter", "prom"))
    rows.append(Row(17, "bytes for one of 1,000 summaries of 4 decades / prom", build.label,
                    "%.0f B" % a, "%.0f B" % b, a / b, 1))
    return rows


def exposition_rows(build):
    f = build.figures
    rows = []
    ours = "polymeter" if "exposition/polymeter/counters/10000" in f else "scrape"
    pages = (("counters/10000", "10,000 counters"), ("counters/100000", "100,000 counters"),
             ("fractions/100000", "100,000 counters, 1 in 5 fractional"),
             ("histograms/10000", "10,000 histograms"))
    for page, words in pages:
        names = ["exposition/%s/%s" % (who, page) for who in (ours, "limit", "prom")]
        a, limit, prom = (f.ns(name) for name in names)
        rows.append(Row(5, "page of %s / cached-head limit" % words, build.label, ms(a), ms(limit),
                        a / limit, 2, gate=True, part="exposition", names=names[:2]))
        rows.append(Row(5, "... prom / ours", build.label, ms(a), ms(prom), prom / a, 18, False))
    for page, words in pages[1:]:
        series = int(page.split("/")[1])
        allocations = f.get("exposition/%s/%s" % (ours, page), "allocations")
        prom = f.get("exposition/prom/%s" % page, "allocations")
        # A few for the snapshot and the sink, none for a series.
        rows.append(Row(5, "page of %s: allocations a series" % words, build.label,
                        "%.4f" % (allocations / series), "%.0f" % (prom / series),
                        allocations / series, 0.01, gate=True, part="exposition"))
    for request, words, limit in (("prometheus", "OpenMetrics, gzip", 1.02),
                                  ("http", "plain text over HTTP", 1.02),
                                  ("plain", "plain text", None)):
        a, b = (f.wall_ns("self/%s/%s" % (request, who)) for who in ("on", "off"))
        rows.append(Row(5, "page of 10,000 counters, %s: self-accounting / without" % words,
                        build.label, ms(a), ms(b), f.get("self/%s/on" % request, "ratio"), limit,
                        part="exposition"))
    if ours == "polymeter":
        a, b = (f.ns("exposition/%s/counters/100000" % who) for who in ("scrape", "limit"))
        rows.append(Row(5, "100,000 counters through polymeter::Scrape / cached-head limit",
                        build.label, ms(a), ms(b), a / b, None))
    for page, words in (pages[1], pages[3]):
        a, b = (f.ns("exposition/%s/%s" % (who, page)) for who in ("protobuf", "scrape"))
        rows.append(Row(5, "%s in protobuf / in text" % words, build.label, ms(a), ms(b), a / b,
                        None))
    return rows


def creation_rows(build):
    f = build.figures
    name = "creation/polymeter/%s"
    rows = []

    def us(who, field):
        return f.get("creation/" + who, field)

    for field, words in (("p999_us", "p99.9"), ("max_us", "longest")):
        a, quiet, busy = (f.get(name % who, field) for who in ("scraped", "quiet", "busy"))
        gate = field == "p999_us"
        rows.append(Row(7, "creation during scrapes of 100,000 series, %s / without" % words,
                        build.label, "%.1f us" % a, "%.1f us" % quiet, a / quiet,
                        2 if gate else None, gate=gate, part="creation"))
        rows.append(Row(7, "... / beside a thread that only copies memory", build.label,
                        "%.1f us" % a, "%.1f us" % busy, a / busy, None))
    rows.append(Row(7, "... longest: prom / ours", build.label,
                    "%.0f us" % us("polymeter/scraped", "max_us"),
                    "%.0f us" % us("prom/scraped", "max_us"),
                    us("prom/scraped", "max_us") / us("polymeter/scraped", "max_us"), None))
    return rows


def process_rows(build):
    f = build.figures
    rows = []
    for encoding, times in (("plain", 12), ("gzip", 6)):
        a = f.get("http/polymeter/" + encoding, "p50_ms")
        prom = f.get("http/prom/" + encoding, "p50_ms")
        rows.append(Row(6, "HTTP scrape of 10,000 counters, %s, p50: Exposer / ours" % encoding,
                        build.label, "%.2f ms" % a, "%.2f ms" % prom, prom / a, times, False))
    a, static = (f.get("http/%s/plain" % who, "p50_ms") for who in ("polymeter", "static"))
    rows.append(Row(6, "... plain / a static body of that size", build.label, "%.2f ms" % a,
                    "%.2f ms" % static, a / static, 2.5))

    def mb(value):
        return "%.1f MB" % (value / 1e6)

    for encoding in ("plain", "gzip"):
        name = "memory/scrapes/polymeter/100000/" + encoding
        resident = f.get(name, "resident")
        later, first = f.get(name, "later"), f.get(name, "first")
        rows.append(Row(7, "peak memory while 100,000 series are scraped, %s / before" % encoding,
                        build.label, mb(later * resident * first), mb(resident * first), later, 1.3,
                        gate=True, part="scrape_memory"))
        rows.append(Row(7, "... the very first scrapes, which fill the cache", build.label,
                        mb(first * resident), mb(resident), first, None))
    tenth, name = ("memory/scrapes/polymeter/%s/plain" % count for count in ("100000", "1000000"))
    resident, later, first = (f.get(name, field) for field in ("resident", "later", "first"))
    rows.append(Row(7, "peak memory while 1,000,000 series are scraped / before", build.label,
                    mb(later * resident * first), mb(resident * first), later, 1.3, gate=True,
                    part="scrape_memory"))
    a, ten = f.get(name, "best_ms"), 10 * f.get(tenth, "best_ms")
    rows.append(Row(7, "HTTP scrape of 1,000,000 series / ten of 100,000", build.label,
                    "%.0f ms" % a, "%.0f ms" % ten, a / ten, 1.5, gate=True,
                    part="scrape_memory"))
    prom = "memory/scrapes/prom/100000/plain"
    rows.append(Row(7, "... prom, plain", build.label, mb(f.get(prom, "first") *
                                                          f.get(prom, "resident")),
                    mb(f.get(prom, "resident")), f.get(prom, "first"), None))

    for kind, count, limit in (("counters", 100000, 230), ("histograms", 10000, 380),
                               ("histograms", 100000, 380)):
        name = "memory/series/%s/" + "%s/%d" % (kind, count)
        bytes_ours = f.get(name % "polymeter", "bytes_scraped")
        bytes_prom = f.get(name % "prom", "bytes_recorded")
        trimmed = f.get(name % "polymeter", "bytes_trimmed")
        rows.append(Row(10, "bytes for one of %d %s, cache included; prom before any scrape" % (
            count, kind), build.label, "%.0f B" % bytes_ours, "%.0f B" % bytes_prom, bytes_ours,
            limit))
        rows.append(Row(10, "... without what malloc keeps of the last snapshot", build.label,
                        "%.0f B" % trimmed, "%.0f B" % bytes_prom, trimmed, None))
    for kind, count in (("counters", 100000), ("histograms", 10000)):
        with_them = "memory/series/polymeter/exemplar_%s/%d" % (kind, count)
        without = f.get("memory/series/polymeter/%s/%d" % (kind, count), "bytes_scraped")
        for field, words in (("bytes_created", "before the first"),
                             ("bytes_scraped", "of a trace in every counter or bucket")):
            each = f.get(with_them, field)
            rows.append(Row(10, "... with exemplars, one of %d %s, %s; without" % (
                count, kind, words), build.label, "%.0f B" % each, "%.0f B" % without,
                each / without, None))
    a, prom = (f.get("memory/series/%s/counters/100000" % who, "create_ns")
               for who in ("polymeter", "prom"))
    rows.append(Row(10, "creation of 100,000 counters: prom / ours", build.label, ns(a), ns(prom),
                    prom / a, 2, False))

    base = "memory/threads/2/100000/100"
    for count in ("64", "512"):
        name = "memory/threads/%s/100000/100" % count
        rows.append(Row(13, "%s threads, 100 of 100,000 counters each: memory / 2 threads" % count,
                        build.label, mb(f.get(name, "resident")), mb(f.get(base, "resident")),
                        f.get(name, "resident") / f.get(base, "resident"), 2))
        rows.append(Row(13, "... snapshot / 2 threads", build.label,
                        "%.0f us" % f.get(name, "snapshot_us"),
                        "%.0f us" % f.get(base, "snapshot_us"),
                        f.get(name, "snapshot_us") / f.get(base, "snapshot_us"), 3))
    return rows


def program_rows(build):
    f = build.figures
    rows = []

    def seconds(who):
        return f.get("compile/" + who, "seconds")

    def s(value):
        return "%.2f s" % value

    rows.append(Row(12, "polymeter.h alone: time to compile / prometheus-cpp's headers",
                    build.label, s(seconds("polymeter")), s(seconds("prom")),
                    seconds("polymeter") / seconds("prom"), 1.2))
    if "compile/dropin" in f:
        rows.append(Row(12, "... the drop-in's headers / prometheus-cpp's", build.label,
                        s(seconds("dropin")), s(seconds("prom")),
                        seconds("dropin") / seconds("prom"), 1.2))
    for name, words, libraries, kilobytes in (
            ("program/prometheus", "program with the Prometheus backend", 8, 250),
            ("program/all", "... with all backends", None, None)):
        if name not in f:
            continue
        count, size = f.get(name, "libraries"), f.get(name, "bytes") / 1000
        rows.append(Row(12, words + ": shared libraries", build.label, "%d" % count, "", count,
                        libraries))
        rows.append(Row(12, words + ": stripped, KB", build.label, "%.0f KB" % size, "", size,
                        kilobytes))
    return rows


def push_rows(build):
    f = build.figures
    rows = []

    def versus(target, what, ours, other, limit, gate=False, show=ns):
        a, b = f.ns(ours), f.ns(other)
        rows.append(Row(target, what, build.label, show(a), show(b), a / b, limit, gate=gate,
                        part="push"))

    if "otlp/polymeter/10000" in f:
        versus(8, "OTLP request of 10,000 counters / protozero with cached attributes",
               "otlp/polymeter/10000", "otlp/limit/10000", 2, gate=True, show=ms)
    versus(9, "increment beside prometheus, statsd, jsonl and csv / alone",
           "increment/fanout/1000", "increment/alone/1000", 1.1)
    versus(9, "observation that is kept for StatsD / Observe", "observe/sampled/1000",
           "observe/alone/1000", 3)
    return rows


def exemplar_rows(build):
    f = build.figures
    rows = []
    name = "exemplars/%s/%s/%d/t%d"
    for target, operation in ((1, "increment"), (3, "observe")):
        for threads in (1, 8):
            plain = f.ns(name % (operation, "plain", 1000, threads))
            contenders = [("no_trace", 1000, "no trace"), ("traced", 1000, "a sampled trace"),
                          ("traced", 1, "the same, 1 series")]
            if operation == "increment":
                contenders.append(("labels", 1000, "with two labels of its own"))
            for which, series, words in contenders:
                ours = f.ns(name % (operation, which, series, threads))
                rows.append(Row(target, "%s with exemplars, %s, %d thread%s / a plain family" % (
                    operation, words, threads, "s" if threads > 1 else ""), build.label, ns(ours),
                    ns(plain), ours / plain, None))
    return rows


def adapter_rows(build):
    """Targets 14 and 15 are the adapters' own (docs/decisions.md)."""
    f = build.figures
    rows = []

    def versus(target, what, ours, other, limit):
        a, b = f.ns(ours), f.ns(other)
        rows.append(Row(target, what, build.label, ns(a), ns(b), a / b, limit,
                        gate=limit is not None, part="adapters"))

    two = "http_server/clock/1"
    versus(14, "HTTP request / two clock reads", "http_server/polymeter/64", two, 4)
    versus(14, "... with traceparent and a prepared route", "http_server/polymeter_traced/64", two,
           4)
    versus(14, "... of a Metrics that does not record", "http_server/null/64", two, None)
    versus(14, "job: submit, start, complete / two clock reads", "job/whole", "job/clock2", 4)
    versus(14, "... with a lease", "job/leased", "job/clock2", None)
    versus(14, "... of a Metrics that does not record", "job/off", "job/clock2", None)
    versus(15, "all runtime families / the same files read raw", "runtime/polymeter",
           "runtime/raw", 2)
    return rows


def dropin_rows(build):
    """Target 16: a program written for prometheus-cpp, with the drop-in and with the original."""
    f = build.figures
    rows = []

    def native(what, name, gate):
        ours, other = (f.ns("dropin/" + name % who) for who in ("ours", "native"))
        rows.append(Row(16, "drop-in: %s / native" % what, build.label, ns(ours), ns(other),
                        ours / other, 1.3 if gate else None, gate=gate, part="dropin_hot"))

    def prom(what, name, limit, *, gate=False, field=None, show=ms, sleeps=False):
        read = f.wall_ns if sleeps else f.ns
        ours, other = ((f.get("dropin/" + name % who, field) * 1e6 if field else
                        read("dropin/" + name % who)) for who in ("ours", "prom"))
        rows.append(Row(16, "drop-in: %s: prom / ours" % what, build.label, show(ours),
                        show(other), other / ours, limit, False, gate, "dropin"))

    for threads, words in ((8, "8 threads"), (1, "1 thread")):
        for series, count in (("1000", "1,000 series"), ("1", "1 series")):
            for operation in ("increment", "observe"):
                native("%s, %s, %s" % (operation, words, count),
                       operation + "/%%s/%s/t%d" % (series, threads), threads == 8)
    for operation in ("increment", "observe"):
        prom("%s, 8 threads, 1 series" % operation, operation + "/%s/1/t8", None, show=ns,
             sleeps=True)
    for threads, words in ((1, "1 thread"), (8, "8 threads")):
        prom("Family::Add of a known series, %s" % words, "add/%%s/1000/t%d" % threads, None,
             show=ns, sleeps=threads > 1)
    prom("page of 100,000 counters", "page/%s/counters/100000", 15, gate=True)
    prom("page of 10,000 histograms", "page/%s/histograms/10000", 15)
    prom("Collect of 100,000 counters", "collect/%s/counters/100000", None)
    prom("creation of 100,000 counters", "create/%s/100000", None)
    for count, words in (("100000", "100,000"), ("10000", "10,000")):
        for encoding, times in (("plain", 8), ("gzip", 4)):
            prom("HTTP scrape of %s counters, %s, p50" % (words, encoding),
                 "http/%%s/%s/%s" % (count, encoding), times, gate=count == "100000",
                 field="p50_ms")
    return rows


def rows_of(builds):
    rows = []
    for build in builds:
        rows += hot_path_rows(build) + exposition_rows(build) + creation_rows(build)
        rows += push_rows(build)
        if build is builds[0]:
            rows += process_rows(build) + program_rows(build) + adapter_rows(build)
            rows += exemplar_rows(build) + summary_rows(build)
            rows += dropin_rows(build)
    # By target; the order within one stays.
    rows.sort(key=lambda row: row.target)
    assert all(not row.gate or row.part in PARTS for row in rows)
    return rows
