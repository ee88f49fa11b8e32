"""Takes events from the SDKs that teams have already; an app of its own, so that it scales apart from the API."""
