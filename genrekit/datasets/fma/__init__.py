"""The Free Music Archive: tables, audio and published splits."""
