"""HubSpot: contacts' scores in, deal stages and lifecycle out."""
