"""What Airhorn does. Services take clients and `now` as arguments, own their commits and know no request."""
