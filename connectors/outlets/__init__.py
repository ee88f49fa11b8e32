"""Outlets that are no CRM: any address that takes a POST, and files. The smallest examples of the vendor contract."""
