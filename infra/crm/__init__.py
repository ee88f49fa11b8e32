"""CRM accounts: from the tenants file to sinks, and their command line."""
