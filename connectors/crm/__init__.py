"""What every CRM connector shares: the vendor contract, what is written of a score, and the one delivery engine."""
