"""What must hold before an import: does the profile fit the database?"""
