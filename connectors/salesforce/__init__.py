"""Salesforce: leads' and contacts' scores in, conversions and opportunities out."""
