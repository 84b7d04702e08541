"""A `Page` as JSON, hOCR, ALTO, or drawn on its picture. Each writer is imported when it is asked for."""
