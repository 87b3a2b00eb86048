"""Network addresses as limits count them. Pure."""

from ipaddress import IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"
#: one household or machine may pick any address in as much of IPv6
V6_PREFIX = 64


def plain_address(text: str | None) -> str:
    """The address without port, brackets, zone or IPv4-in-IPv6 dress; "unknown" for what is none."""
    host = (text or "").strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def network_of(text: str | None) -> str:
    """What limits count together: one IPv4 address, or one /64 of IPv6."""
    address = plain_address(text)
    if ":" not in address:
        return address
    return str(ip_network(f"{address}/{V6_PREFIX}", strict=False))
