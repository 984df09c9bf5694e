"""Exports: which rows are selected, how they become a file, where the file is kept.

`gnb.services.export_service` is the interface. The modules behind it:

    filters        the filters of each export; one schema for API, form, command line and job
    selection      filters as conditions of a query, and the snapshot that is read
    revenue        totals by day and tour, in SQL
    csv_export     columns and writer of the CSV files
    csv_sqlite, csv_postgresql    rows as CSV lines, made by the database
    xlsx_export    the same tables as XLSX files with typed cells
    pdf_documents  the PDF exports
    pdf_renderer, pdf_join, plots    HTML to pages, parts to one document, figures to bars
    storage        where files are kept: the database, a folder, S3
    attempts       one attempt at an export
    clean_up       expired and orphaned exports
"""
