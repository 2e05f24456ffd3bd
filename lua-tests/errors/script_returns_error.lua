return nil, "polite failure"
