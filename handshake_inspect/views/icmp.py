"""What ICMP errors mean: RFC 792 and 1812 for IPv4, RFC 4443 for IPv6."""

# fmt: off
UNREACHABLE_4 = (
    "network unreachable", "host unreachable", "protocol unreachable", "port unreachable", "fragmentation needed",
    "source route failed", "network unknown", "host unknown", "source host isolated", "network prohibited",
    "host prohibited", "network unreachable for this service", "host unreachable for this service",
    "communication prohibited by filter", "host precedence violation", "precedence cut off",
)
UNREACHABLE_6 = (
    "no route", "communication prohibited", "beyond scope of source address", "address unreachable",
    "port unreachable", "source address failed policy", "route rejected",
)
TYPES_4 = {4: "source quench", 5: "redirect", 11: "time exceeded", 12: "parameter problem"}
TYPES_6 = {2: "packet too big", 3: "time exceeded", 4: "parameter problem"}
# fmt: on


def icmp_meaning(family: int, kind: int, code: int) -> str:
    """Return what an ICMP error of `kind` (type) and `code` says, `family` being 4 or 6."""
    unreachable, codes, types = (1, UNREACHABLE_6, TYPES_6) if family == 6 else (3, UNREACHABLE_4, TYPES_4)
    if kind == unreachable and code < len(codes):
        return codes[code]
    return types.get(kind, f"type {kind}, code {code}")
